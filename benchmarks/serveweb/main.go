// Command serveweb serves FullService with grpcservice over net/http, to clients of gRPC, gRPC-Web
// and Connect. Like the server of connect beside it, the program links nothing else: what a program
// links makes its garbage collector work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

func main() {
	logs := flag.Bool("log", false, "write a record for each call")
	policies := flag.Bool("policies", false, "authenticate, check scopes, and enforce two rates")
	native := flag.Bool("native", false, "serve with grpc's transport instead, to clients of gRPC")
	flag.Parse()
	if err := run(*logs, *policies, *native); err != nil {
		fmt.Fprintln(os.Stderr, "serveweb:", err)
		os.Exit(1)
	}
}

func run(logs, policies, native bool) error {
	level := &slog.HandlerOptions{Level: slog.LevelError}
	if logs {
		level.Level = slog.LevelInfo
	}
	opts := []server.Option{
		server.WithLogger(slog.New(server.NewJSONHandler(io.Discard, level))),
		server.WithDrainDelay(0),
	}
	if policies {
		opts = append(opts, server.WithAuthenticator(server.AuthenticateFunc(authenticate)))
	}
	if !native {
		opts = append(opts, web.ServeAlone())
	}
	srv := server.New(opts...)
	register(srv, policies)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	err = peers.Report(lis.Addr().String(), os.Stdin, os.Stdout)
	stop()
	return errors.Join(err, <-served)
}

// reader is the principal of all calls. It is created in advance, as by an authenticator that
// caches tokens.
var reader = runtime.NewPrincipal("reader", "read", "here")

func authenticate(ctx context.Context) (*runtime.Principal, error) {
	token := metadata.ValueFromIncomingContext(ctx, peers.TokenKey)
	if len(token) == 1 && token[0] == peers.Token {
		return reader, nil
	}
	return nil, nil
}
