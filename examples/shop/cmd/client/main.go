// Command client calls every RPC of the shop and prints what it did. It fails when the shop does not answer as it should.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
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
	conn, err := runtime.Dial(addr, runtime.WithInsecure()) // the example's server has no certificate
	if err != nil {
		return err
	}
	defer conn.Close()

	if err := playUsers(ctx, shopv1service.NewUserServiceClient(conn)); err != nil {
		return err
	}
	if err := playProducts(ctx, shopv1service.NewProductServiceClient(conn)); err != nil {
		return err
	}
	if err := playAnalytics(ctx, shopv1service.NewAnalyticsServiceClient(conn)); err != nil {
		return err
	}
	return playChat(ctx, shopv1service.NewChatServiceClient(conn))
}

// say prints what an RPC did.
func say(rpc, format string, args ...any) {
	fmt.Printf("%-15s %s\n", rpc, fmt.Sprintf(format, args...))
}
