// Command client calls every RPC of the shop and prints what it did. It fails when the shop does
// not answer as it should.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

func main() {
	addr := flag.String("addr", cmp.Or(os.Getenv("SHOP_ADDR"), "localhost:8080"), "`address` of the shop; SHOP_ADDR sets it too")
	timeout := flag.Duration("timeout", 30*time.Second, "`time` that all calls together may take")
	flag.Parse()

	if err := play(*addr, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// play calls every service of the shop at addr.
func play(addr string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := client.Dial(addr,
		client.WithInsecure(), // the example's server has no certificate
		shopv1service.UserServiceConfig(), shopv1service.ProductServiceConfig(), shopv1service.OrderServiceConfig(),
		shopv1service.BatchJobServiceConfig(), shopv1service.AnalyticsServiceConfig(), shopv1service.ChatServiceConfig(),
		shopv1service.EventServiceConfig(), shopv1service.LogServiceConfig(), shopv1service.UploadServiceConfig(),
		shopv1service.CollaborationServiceConfig(), shopv1service.GameServiceConfig(),
		operation.Config(),
		client.WithHealthChecks())
	if err != nil {
		return err
	}
	defer conn.Close()

	return playAll(ctx, conn)
}

// playAll calls each service as an authorized caller, and then as callers that the server rejects.
func playAll(ctx context.Context, conn grpc.ClientConnInterface) error {
	users, analytics := shopv1service.NewUserServiceClient(conn), shopv1service.NewAnalyticsServiceClient(conn)
	clerk, customer := auth.As(ctx, auth.Clerk), auth.As(ctx, auth.Customer)
	for _, part := range []func() error{
		func() error { return playUsers(clerk, users) },
		func() error { return playStaff(clerk, users) },
		// Public methods.
		func() error { return playProducts(ctx, shopv1service.NewProductServiceClient(conn)) },
		func() error { return playOrders(customer, clerk, shopv1service.NewOrderServiceClient(conn)) },
		func() error {
			return playJobs(clerk, customer, shopv1service.NewBatchJobServiceClient(conn), operation.NewClient(conn))
		},
		func() error { return playAnalytics(clerk, analytics) },
		func() error { return playEvents(clerk, shopv1service.NewEventServiceClient(conn)) },
		func() error { return playLogs(clerk, shopv1service.NewLogServiceClient(conn)) },
		func() error { return playUpload(clerk, shopv1service.NewUploadServiceClient(conn)) },
		func() error { return playChat(clerk, customer, shopv1service.NewChatServiceClient(conn)) },
		func() error { return playCollaborate(clerk, shopv1service.NewCollaborationServiceClient(conn)) },
		func() error { return playGame(customer, shopv1service.NewGameServiceClient(conn)) },
		func() error { return playStrangers(ctx, users) },
		func() error { return playRate(ctx, analytics) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// say prints what an RPC did.
func say(rpc, format string, args ...any) {
	fmt.Printf("%-17s %s\n", rpc, fmt.Sprintf(format, args...))
}
