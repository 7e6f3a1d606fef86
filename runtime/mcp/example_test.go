package mcp_test

import (
	"context"
	"net/http"
	"os"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/mcp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Tools on their own address, beside gRPC.
func ExampleServe() {
	srv := server.New(mcp.Serve(":8090"))
	// Register services here.
	if err := srv.Run(context.Background(), ":8080"); err != nil {
		panic(err)
	}
}

// Tools on a path of your own HTTP server.
func ExampleNew() {
	srv := server.New()
	// Register services here.
	tools, err := mcp.New(srv)
	if err != nil {
		panic(err)
	}
	http.Handle("/mcp", tools)
}

// Tools for the program that has started this one.
func ExampleTools_ServeStdio() {
	srv := server.New()
	// Register services here.
	token := metadata.Pairs("authorization", "Bearer "+os.Getenv("TOKEN"))
	tools, err := mcp.New(srv, mcp.WithMetadata(token))
	if err != nil {
		panic(err)
	}
	if err := tools.ServeStdio(context.Background()); err != nil {
		panic(err)
	}
}
