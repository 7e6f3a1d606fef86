// Command endpointslices is the program of docs/endpointslices.md. A test compares it with the page.
package main

import (
	"context"
	"log"
	"time"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/endpointslice"
)

func main() {
	conn, err := client.Dial("endpointslice:///library/books:grpc",
		client.WithResolvers(endpointslice.NewResolver()),
		client.WithInsecure(), // or the TLS options; certificates have the name books.library.svc
		libraryv1service.BookServiceConfig(),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	books := libraryv1service.NewBookServiceClient(conn)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		book, err := books.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "1"})
		cancel()
		log.Print(book, err)
		time.Sleep(time.Second)
	}
}
