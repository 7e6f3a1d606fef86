// Command client calls every RPC of the shop and prints what it did. It fails when the shop does not answer as it should.
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
	"github.com/grpcservice/grpcservice/runtime"
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
	conn, err := runtime.Dial(addr,
		runtime.WithInsecure(), // the example's server has no certificate
		shopv1service.UserServiceConfig(), shopv1service.ProductServiceConfig(),
		shopv1service.AnalyticsServiceConfig(), shopv1service.ChatServiceConfig())
	if err != nil {
		return err
	}
	defer conn.Close()

	return playAll(ctx, conn)
}

// playAll calls each service as somebody who may, and then as some who may not.
func playAll(ctx context.Context, conn grpc.ClientConnInterface) error {
	users, analytics := shopv1service.NewUserServiceClient(conn), shopv1service.NewAnalyticsServiceClient(conn)
	clerk := auth.As(ctx, auth.Clerk)
	if err := playUsers(clerk, users); err != nil {
		return err
	}
	if err := playProducts(ctx, shopv1service.NewProductServiceClient(conn)); err != nil { // which are for everybody
		return err
	}
	if err := playAnalytics(clerk, analytics); err != nil {
		return err
	}
	if err := playChat(clerk, shopv1service.NewChatServiceClient(conn)); err != nil {
		return err
	}
	if err := playStrangers(ctx, users); err != nil {
		return err
	}
	return playRate(ctx, analytics)
}

// say prints what an RPC did.
func say(rpc, format string, args ...any) {
	fmt.Printf("%-15s %s\n", rpc, fmt.Sprintf(format, args...))
}
