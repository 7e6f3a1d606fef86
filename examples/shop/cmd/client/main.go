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
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

func main() {
	addr := flag.String("addr", cmp.Or(os.Getenv("SHOP_ADDR"), "localhost:8080"), "`address` of the shop; SHOP_ADDR sets it too")
	provider := auth.Provider{}
	flag.StringVar(&provider.Issuer, "issuer", os.Getenv("SHOP_ISSUER"), "`URL` of the identity provider; SHOP_ISSUER sets it too")
	flag.StringVar(&provider.CAFile, "ca", os.Getenv("SHOP_CA"), "`file` with the CA of the shop and the provider, for TLS; SHOP_CA sets it too")
	timeout := flag.Duration("timeout", 30*time.Second, "`time` that all calls together may take")
	flag.Parse()

	if err := play(*addr, provider, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// play calls every service of the shop at addr.
func play(addr string, provider auth.Provider, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	encryption := client.WithInsecure() // without configuration, the example's server has no certificate
	if provider.CAFile != "" {
		encryption = client.WithServerCAs(provider.CAFile)
	}
	callers, err := provider.Callers()
	if err != nil {
		return err
	}
	calls := tally{counts: make(map[codes.Code]int)}
	conn, err := client.Dial(addr, encryption,
		shopv1service.UserServiceConfig(), shopv1service.ProductServiceConfig(), shopv1service.OrderServiceConfig(),
		shopv1service.BatchJobServiceConfig(), shopv1service.AnalyticsServiceConfig(), shopv1service.ChatServiceConfig(),
		shopv1service.EventServiceConfig(), shopv1service.LogServiceConfig(), shopv1service.UploadServiceConfig(),
		shopv1service.CollaborationServiceConfig(), shopv1service.GameServiceConfig(),
		operation.Config(),
		client.WithHealthChecks(), client.WithUnaryInterceptors(calls.unary), client.WithStreamInterceptors(calls.stream))
	if err != nil {
		return err
	}
	defer conn.Close()

	if err := playAll(ctx, conn, callers); err != nil {
		return err
	}
	say("", "calls: %s", &calls)
	return nil
}

// playAll calls each service as an authorized caller, and then as callers that the server rejects.
func playAll(ctx context.Context, conn grpc.ClientConnInterface, callers auth.Callers) error {
	users, analytics := shopv1service.NewUserServiceClient(conn), shopv1service.NewAnalyticsServiceClient(conn)
	clerk, customer := callers.As(ctx, auth.Clerk), callers.As(ctx, auth.Customer)
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
		func() error { return playFollow(clerk, customer, shopv1service.NewChatServiceClient(conn)) },
		func() error { return playCollaborate(clerk, shopv1service.NewCollaborationServiceClient(conn)) },
		func() error { return playGame(customer, shopv1service.NewGameServiceClient(conn)) },
		func() error { return playUnauthorized(ctx, callers, users) },
		func() error { return playRate(ctx, callers, analytics) },
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
