package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// A connection, a client, and a call. There is no server at the address of the example.
func ExampleDial() {
	conn, err := client.Dial("dns:///localhost:1", libraryv1service.BookServiceConfig(), client.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	books := libraryv1service.NewBookServiceClient(conn)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = books.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(status.Code(err))
	// Output: Unavailable
}

// The headers of a response. Call options travel on the context.
func ExampleWithCallOptions() {
	getBook := func(ctx context.Context, books libraryv1service.BookService) (*libraryv1.Book, metadata.MD, error) {
		var header metadata.MD
		resp, err := books.GetBook(client.WithCallOptions(ctx, grpc.Header(&header)), &libraryv1.GetBookRequest{Isbn: "1"})
		return resp.GetBook(), header, err
	}
	_ = getBook
}

// A function of several calls that is retried as a whole.
func ExampleBackoff_Do() {
	attempts := 0
	err := client.Backoff{Attempts: 3, Initial: time.Millisecond}.Do(context.Background(), func(context.Context) error {
		if attempts++; attempts < 3 {
			return status.Error(codes.Unavailable, "try again")
		}
		return nil
	})
	fmt.Println(attempts, err)

	err = client.Backoff{}.Do(context.Background(), func(context.Context) error {
		return errors.New("an error without a status is not retried")
	})
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// an error without a status is not retried
}
