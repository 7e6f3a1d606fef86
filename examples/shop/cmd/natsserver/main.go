// Command natsserver runs a NATS server with JetStream on a free port of 127.0.0.1 until it gets
// SIGTERM or SIGINT, and prints its URL. The demo of the shop starts it. It is a module of its own,
// because it links the server: in production, the server is a program that you operate.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

func main() {
	dir := flag.String("dir", "", "`directory` of the streams")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	server, err := natstest.Run(*dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "natsserver:", err)
		os.Exit(1)
	}
	defer server.Stop()
	fmt.Println(server.URL())
	<-ctx.Done()
}
