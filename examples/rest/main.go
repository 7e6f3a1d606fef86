// Command rest serves a catalog of books over gRPC and, on a second port, as REST. docs/rest.md
// explains it.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"os"

	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/rest/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/apikey"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The API keys of the example. A program of your own reads a file with the hashes of its keys.
const (
	key        = "library_0f3a7c51d9e2b8467a10c5f2"
	readersKey = "library_4c81e0d7b35f926a07de1b84"
)

func main() {
	addr := flag.String("addr", ":8080", "TCP `address` of gRPC")
	rest := flag.String("rest", ":8081", "TCP `address` of REST")
	flag.Parse()
	if err := run(context.Background(), *addr, *rest); err != nil {
		slog.Error("the server has stopped", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, restAddr string) error {
	keys, err := newKeys()
	if err != nil {
		return err
	}
	srv := server.New(server.WithAuthenticator(keys))
	libraryv1service.RegisterBookService(srv, newBooks(&libraryv1.Book{Name: "shelves/1/books/1", Title: "One"}))
	rest, err := newREST(ctx, srv)
	if err != nil {
		return err
	}
	lis, err := net.Listen("tcp", restAddr)
	if err != nil {
		return err
	}
	srv.Background("rest", func(ctx context.Context) error {
		return serveREST(ctx, lis, rest, server.DefaultShutdownTimeout)
	})
	return srv.Run(ctx, addr)
}

// newKeys returns the callers: ada, and one who only reads.
func newKeys() (*apikey.Authenticator, error) {
	var keys []apikey.Key
	for text, scopes := range map[string][]string{key: {"books.read", "books.write"}, readersKey: {"books.read"}} {
		hash, err := apikey.HashOf(text)
		if err != nil {
			return nil, err
		}
		principal := "ada"
		if text == readersKey {
			principal = "reader"
		}
		keys = append(keys, apikey.Key{Hash: hash, Principal: principal, Scopes: scopes})
	}
	return apikey.New(keys, apikey.WithScheme("Bearer"))
}
