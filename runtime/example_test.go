package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serve serves svc on a local port. It returns a client, and a function that shuts the server down.
func serve(svc libraryv1service.BookService) (libraryv1service.BookService, func()) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
	libraryv1service.RegisterBookService(srv, svc)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(context.Background(), lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	return libraryv1service.NewBookServiceClient(conn), func() {
		_ = srv.Shutdown(context.Background())
		conn.Close()
		if err := <-stopped; err != nil {
			log.Fatal(err)
		}
	}
}

// parallel looks titles up in two goroutines.
type parallel struct {
	libraryv1service.UnimplementedBookService
}

func (parallel) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	book := &libraryv1.Book{Isbn: req.GetIsbn()}
	runtime.Go(ctx, func(context.Context) error {
		book.Title = "One"
		return nil
	})
	runtime.Go(ctx, func(context.Context) error {
		if req.GetIsbn() == "" {
			return errors.New("the warehouse has no such book") // fails the call
		}
		return nil
	})
	return &libraryv1.GetBookResponse{Book: book}, nil // sent when both have returned
}

// The response waits for the goroutines of its call, and an error of one of them fails the call.
func ExampleGo() {
	books, stop := serve(parallel{})
	defer stop()
	resp, err := books.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)
	_, err = books.GetBook(context.Background(), &libraryv1.GetBookRequest{})
	fmt.Println(err)
	// Output:
	// One <nil>
	// rpc error: code = Unknown desc = unknown error
}

// endless streams until the client goes away or the server shuts down.
type endless struct {
	libraryv1service.UnimplementedBookService
}

func (endless) WatchBooks(ctx context.Context, _ *libraryv1.WatchBooksRequest) runtime.Stream[libraryv1.WatchBooksResponse] {
	return func(yield func(*libraryv1.WatchBooksResponse, error) bool) {
		if !yield(&libraryv1.WatchBooksResponse{}, nil) {
			return
		}
		select {
		case <-runtime.Draining(ctx):
			yield(nil, runtime.ErrDraining) // the client reconnects to another server
		case <-ctx.Done():
			yield(nil, ctx.Err())
		}
	}
}

// A stream without a natural end watches for the shutdown of the server.
func ExampleDraining() {
	books, stop := serve(endless{})
	for _, err := range books.WatchBooks(context.Background(), &libraryv1.WatchBooksRequest{}) {
		if err != nil {
			fmt.Println(status.Code(err), rpcerr.ReasonOf(err) == rpcerr.ReasonDraining)
			return
		}
		go stop()
	}
	// Output: Unavailable true
}

// who tells its caller about the call.
type who struct {
	libraryv1service.UnimplementedBookService
}

func (who) GetBook(ctx context.Context, _ *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	call, _ := runtime.CallFromContext(ctx)
	fmt.Println(call.Method().Name, len(call.RequestID()), time.Since(call.Start()) < time.Minute)
	return &libraryv1.GetBookResponse{}, nil
}

// What a method knows of its call.
func ExampleCallFromContext() {
	books, stop := serve(who{})
	defer stop()
	_, _ = books.GetBook(context.Background(), &libraryv1.GetBookRequest{})
	// Output: GetBook 32 true
}
