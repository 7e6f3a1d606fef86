// Command kitex serves FullService with kitex and its own transport, to a client of gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/server"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	"github.com/grpcservice/grpcservice/benchmarks/peers/kitex/gen/policyv1"
	"github.com/grpcservice/grpcservice/benchmarks/peers/kitex/gen/policyv1/fullservice"
)

func main() {
	full := flag.Bool("full", false, "log, authenticate and limit; kitex itself recovers")
	flag.Parse()
	if err := run(*full); err != nil {
		fmt.Fprintln(os.Stderr, "kitex:", err)
		os.Exit(1)
	}
}

func run(full bool) error {
	klog.SetOutput(io.Discard)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	opts := []server.Option{server.WithListener(lis)}
	if full {
		opts = append(opts, features()...)
	}
	srv := fullservice.NewServer(new(service), opts...)
	addr := lis.Addr().String() // kitex closes this listener and keeps a copy
	go srv.Run()                // ends with Stop
	return errors.Join(peers.Report(addr, os.Stdin, os.Stdout), srv.Stop())
}

var response = &policyv1.Response{Text: "hello, reader", Count: 7}

type service struct{}

func (*service) Unary(context.Context, *policyv1.Request) (*policyv1.Response, error) {
	return response, nil
}

func (*service) ServerStream(
	req *policyv1.Request, stream policyv1.FullService_ServerStreamServer,
) error {
	for range req.GetCount() {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}
