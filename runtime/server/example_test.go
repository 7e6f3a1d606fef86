package server_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// books implements libraryv1service.BookService.
type books struct {
	libraryv1service.UnimplementedBookService
}

func (books) GetBook(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	if req.GetIsbn() != "1" {
		return nil, status.Errorf(codes.NotFound, "no book has the ISBN %q", req.GetIsbn())
	}
	return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Isbn: "1", Title: "One"}}, nil
}

// members implements libraryv1service.MemberService.
type members struct{ copies int32 }

func (m *members) BorrowBook(context.Context, *libraryv1.BorrowBookRequest) (*libraryv1.BorrowBookResponse, error) {
	m.copies--
	return &libraryv1.BorrowBookResponse{Copies: m.copies}, nil
}

// run serves srv on a local port and returns a connection to it, and a function that stops both.
func run(srv *server.Server, opts ...client.Option) (*grpc.ClientConn, func()) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), append(opts, client.WithInsecure())...)
	if err != nil {
		log.Fatal(err)
	}
	return conn.ClientConn, func() {
		conn.Close()
		cancel()
		if err := <-served; err != nil {
			log.Fatal(err)
		}
	}
}

// quiet are the options of servers in examples: no log, and no wait for load balancers.
func quiet(opts ...server.Option) []server.Option {
	return append(opts, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
}

// A server and a client of one service.
func Example() {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
	libraryv1service.RegisterBookService(srv, books{})

	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(ctx, lis) }() // a program calls srv.Run(ctx, ":8080")

	conn, err := client.Dial(lis.Addr().String(), libraryv1service.BookServiceConfig(), client.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	svc := libraryv1service.NewBookServiceClient(conn) // a BookService
	resp, err := svc.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)
	_, err = svc.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "2"})
	fmt.Println(err)

	stop() // running calls finish, then Serve returns
	fmt.Println(<-stopped)
	// Output:
	// One <nil>
	// rpc error: code = NotFound desc = no book has the ISBN "2"
	// <nil>
}

// An authenticator that reads a token from the metadata. Package jwtauth verifies JWTs.
func ExampleWithAuthenticator() {
	tokens := map[string]*runtime.Principal{
		"ada's token": runtime.NewPrincipal("ada", "books.borrow"),
		"bob's token": runtime.NewPrincipal("bob"),
	}
	authenticate := func(ctx context.Context) (*runtime.Principal, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) == 0 {
			return nil, nil // unauthenticated, which a public method accepts
		}
		principal, ok := tokens[values[0]]
		if !ok {
			return nil, errors.New("unknown token") // for the log
		}
		return principal, nil
	}
	srv := server.New(quiet(server.WithAuthenticator(server.AuthenticateFunc(authenticate)))...)
	libraryv1service.RegisterMemberService(srv, &members{copies: 3})

	conn, stop := run(srv)
	defer stop()
	svc := libraryv1service.NewMemberServiceClient(conn)
	for _, token := range []string{"ada's token", "bob's token", "eve's token"} {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", token)
		_, err := svc.BorrowBook(ctx, &libraryv1.BorrowBookRequest{Isbn: "1"})
		fmt.Println(token+":", status.Code(err), rpcerr.ReasonOf(err) == rpcerr.ReasonMissingScope)
	}
	// Output:
	// ada's token: OK false
	// bob's token: PermissionDenied true
	// eve's token: Unauthenticated false
}

// printer is an observer that prints how calls end.
type printer struct{}

// Bind is called once for each method, when it is registered.
func (printer) Bind(info runtime.MethodInfo) runtime.MethodObserver { return printedMethod(info.Name) }

type printedMethod string

func (printedMethod) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }

func (m printedMethod) End(_ context.Context, _ runtime.Call, outcome runtime.Outcome) {
	fmt.Println(m, status.Code(outcome.Err))
}

// An observer sees every call, including those that the pipeline rejects.
func ExampleWithObservers() {
	srv := server.New(quiet(server.WithObservers(printer{}))...)
	libraryv1service.RegisterBookService(srv, books{})

	conn, stop := run(srv)
	svc := libraryv1service.NewBookServiceClient(conn)
	_, _ = svc.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	_, _ = svc.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "2"})
	stop()
	// Output:
	// GetBook OK
	// GetBook NotFound
}

// A retried call with the same idempotency key runs the method once.
func ExampleWithIdempotency() {
	srv := server.New(quiet(
		server.WithoutAuthentication(), // all callers are one principal
		server.WithIdempotency(idempotency.New(idempotency.Memory())),
	)...)
	libraryv1service.RegisterMemberService(srv, &members{copies: 3})

	conn, stop := run(srv)
	defer stop()
	svc := libraryv1service.NewMemberServiceClient(conn)
	req := &libraryv1.BorrowBookRequest{Isbn: "1", RequestId: idempotency.NewKey()}
	for range 2 {
		resp, err := svc.BorrowBook(context.Background(), req)
		fmt.Println(resp.GetCopies(), err)
	}
	// Output:
	// 2 <nil>
	// 2 <nil>
}

// The pipeline on a *grpc.Server that exists already.
func ExampleOn() {
	own := grpc.NewServer()
	ours := server.On(own, server.WithLogger(slog.New(slog.DiscardHandler)))
	libraryv1service.RegisterBookService(ours, books{})

	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = own.Serve(lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	resp, err := libraryv1service.NewBookServiceClient(conn).GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)

	ours.Drain() // health reports NOT_SERVING, streams are notified
	own.GracefulStop()
	// Output: One <nil>
}

// Work that runs as long as the server serves.
func ExampleServer_Background() {
	srv := server.New(quiet()...)
	libraryv1service.RegisterBookService(srv, books{})
	started := make(chan struct{})
	srv.Background("cache", func(ctx context.Context) error {
		close(started)
		<-ctx.Done() // the server stops accepting calls
		fmt.Println("cache stopped")
		return nil
	})
	_, stop := run(srv)
	<-started
	stop()
	// Output: cache stopped
}

// A client of a service in the same process. Its calls run through the pipeline.
func ExampleServer_Conn() {
	srv := server.New(quiet()...)
	libraryv1service.RegisterBookService(srv, books{})

	svc := libraryv1service.NewBookServiceClient(srv.Conn())
	resp, err := svc.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "1"})
	fmt.Println(resp.GetBook().GetTitle(), err)
	_, err = svc.GetBook(context.Background(), &libraryv1.GetBookRequest{Isbn: "2"})
	fmt.Println(err)
	// Output:
	// One <nil>
	// rpc error: code = NotFound desc = no book has the ISBN "2"
}
