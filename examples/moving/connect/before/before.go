// Package before is a service with connect-go, as teams have it.
package before

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1connect"
	"github.com/grpcservice/grpcservice/examples/moving/library"
)

// New returns the handler of the service.
func New(books *library.Library, logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(libraryv1connect.NewBookServiceHandler(&Books{Library: books},
		connect.WithInterceptors(interceptor{logger}),
		connect.WithRecover(func(ctx context.Context, spec connect.Spec, _ http.Header, value any) error {
			logger.ErrorContext(ctx, "a method panicked", "method", spec.Procedure, "panic", value)
			return connect.NewError(connect.CodeInternal, errors.New("internal error"))
		}),
	))
	return mux
}

// interceptor authenticates and logs.
type interceptor struct{ logger *slog.Logger }

// WrapUnary implements [connect.Interceptor].
func (i interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if err := authenticate(req.Header()); err != nil {
			return nil, err
		}
		resp, err := next(ctx, req)
		i.logger.InfoContext(ctx, "call", "method", req.Spec().Procedure, "error", err)
		return resp, err
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements [connect.Interceptor].
func (i interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := authenticate(conn.RequestHeader()); err != nil {
			return err
		}
		err := next(ctx, conn)
		i.logger.InfoContext(ctx, "call", "method", conn.Spec().Procedure, "error", err)
		return err
	}
}

// authenticate knows two callers by their tokens.
func authenticate(header http.Header) error {
	switch token, _ := strings.CutPrefix(header.Get("Authorization"), "Bearer "); token {
	case "reader":
		return nil
	case "stranger":
		return connect.NewError(connect.CodePermissionDenied, errors.New("you may not read books"))
	}
	return connect.NewError(connect.CodeUnauthenticated, errors.New("the token is not valid"))
}

// Books implements the service for connect-go.
type Books struct{ Library *library.Library }

// GetBook implements [libraryv1connect.BookServiceHandler].
func (b *Books) GetBook(
	ctx context.Context, req *connect.Request[libraryv1.GetBookRequest],
) (*connect.Response[libraryv1.GetBookResponse], error) {
	switch req.Msg.GetIsbn() {
	case "panic":
		panic("the library burns")
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetIsbn() == req.Msg.GetIsbn() })
	if book == nil {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no book has the ISBN %q", req.Msg.GetIsbn()))
	}
	return connect.NewResponse(&libraryv1.GetBookResponse{Book: book}), nil
}

// ListBooks implements [libraryv1connect.BookServiceHandler].
func (b *Books) ListBooks(
	_ context.Context, _ *connect.Request[libraryv1.ListBooksRequest], stream *connect.ServerStream[libraryv1.ListBooksResponse],
) error {
	for _, book := range b.Library.Books() {
		if err := stream.Send(&libraryv1.ListBooksResponse{Book: book}); err != nil {
			return err
		}
	}
	return nil
}

// AddBooks implements [libraryv1connect.BookServiceHandler].
func (b *Books) AddBooks(
	_ context.Context, stream *connect.ClientStream[libraryv1.AddBooksRequest],
) (*connect.Response[libraryv1.AddBooksResponse], error) {
	resp := &libraryv1.AddBooksResponse{}
	for stream.Receive() {
		b.Library.Add(stream.Msg().GetBook())
		resp.Added++
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// FindBooks implements [libraryv1connect.BookServiceHandler].
func (b *Books) FindBooks(
	_ context.Context, stream *connect.BidiStream[libraryv1.FindBooksRequest, libraryv1.FindBooksResponse],
) error {
	for {
		req, err := stream.Receive()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetTitle() == req.GetTitle() })
		if err := stream.Send(&libraryv1.FindBooksResponse{Book: book}); err != nil {
			return err
		}
	}
}
