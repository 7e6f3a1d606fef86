package before

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/library"
)

// Books implements the service for protoc-gen-go-grpc.
type Books struct {
	libraryv1.UnimplementedBookServiceServer
	Library *library.Library
}

// GetBook implements [libraryv1.BookServiceServer].
func (b *Books) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	switch req.GetIsbn() {
	case "panic":
		panic("the library burns")
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetIsbn() == req.GetIsbn() })
	if book == nil {
		return nil, status.Errorf(codes.NotFound, "no book has the ISBN %q", req.GetIsbn())
	}
	return &libraryv1.GetBookResponse{Book: book}, nil
}

// ListBooks implements [libraryv1.BookServiceServer].
func (b *Books) ListBooks(_ *libraryv1.ListBooksRequest, stream grpc.ServerStreamingServer[libraryv1.ListBooksResponse]) error {
	for _, book := range b.Library.Books() {
		if err := stream.Send(&libraryv1.ListBooksResponse{Book: book}); err != nil {
			return err
		}
	}
	return nil
}

// AddBooks implements [libraryv1.BookServiceServer].
func (b *Books) AddBooks(stream grpc.ClientStreamingServer[libraryv1.AddBooksRequest, libraryv1.AddBooksResponse]) error {
	resp := &libraryv1.AddBooksResponse{}
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(resp)
		}
		if err != nil {
			return err
		}
		b.Library.Add(req.GetBook())
		resp.Added++
	}
}

// FindBooks implements [libraryv1.BookServiceServer].
func (b *Books) FindBooks(stream grpc.BidiStreamingServer[libraryv1.FindBooksRequest, libraryv1.FindBooksResponse]) error {
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		book := b.Library.Book(func(book *libraryv1.Book) bool { return book.GetTitle() == req.GetTitle() })
		if err := stream.Send(&libraryv1.FindBooksResponse{Book: book}); err != nil {
			return err
		}
	}
}
