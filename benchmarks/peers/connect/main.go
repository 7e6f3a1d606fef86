// Command connect serves FullService with connect over net/http, to clients of gRPC, gRPC-Web and
// Connect.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

func main() {
	full := flag.Bool("full", false, "log, authenticate, limit and recover")
	flag.Parse()
	if err := run(*full); err != nil {
		fmt.Fprintln(os.Stderr, "connect:", err)
		os.Exit(1)
	}
}

func run(full bool) error {
	var interceptors []connect.ServerInterceptor
	if full {
		interceptors = features()
	}
	rpcs := connect.NewServer(interceptors...)
	register(rpcs)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, rpcs, connecthttp.WithReadMaxBytes(1_000_000))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: mux, Protocols: protocols}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Serve(lis) // ends with Close
	return errors.Join(peers.Report(lis.Addr().String(), os.Stdin, os.Stdout), srv.Close())
}
