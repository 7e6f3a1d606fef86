// Command kratos serves FullService with kratos.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/transport/grpc"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	policyv1 "github.com/grpcservice/grpcservice/benchmarks/peers/gen/policy/v1"
	"github.com/grpcservice/grpcservice/benchmarks/peers/stock"
)

func main() {
	full := flag.Bool("full", false, "log, authenticate, limit and recover")
	flag.Parse()
	if err := run(*full); err != nil {
		fmt.Fprintln(os.Stderr, "kratos:", err)
		os.Exit(1)
	}
}

func run(full bool) error {
	log.SetLogger(log.NewStdLogger(io.Discard))
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	opts := []grpc.ServerOption{grpc.Listener(lis)}
	if full {
		opts = append(opts, grpc.Middleware(features()...), grpc.StreamInterceptor(streamFeatures()...))
	}
	srv := grpc.NewServer(opts...)
	policyv1.RegisterFullServiceServer(srv, stock.Service{})
	if _, err := srv.Endpoint(); err != nil {
		return err
	}
	ctx := context.Background()
	go srv.Start(ctx) // ends with Stop
	return errors.Join(peers.Report(lis.Addr().String(), os.Stdin, os.Stdout), srv.Stop(ctx))
}
