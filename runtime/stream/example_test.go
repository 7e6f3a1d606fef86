package stream_test

import (
	"context"
	"fmt"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// librarian implements the streams of libraryv1service.BookService. Called directly, as here, it
// behaves as its client does.
type librarian struct {
	libraryv1service.UnimplementedBookService
}

func (librarian) ReturnBooks(_ context.Context, reqs runtime.Stream[libraryv1.ReturnBooksRequest]) (*libraryv1.ReturnBooksResponse, error) {
	var count int32
	for _, err := range reqs {
		if err != nil {
			return nil, err
		}
		count++
	}
	return &libraryv1.ReturnBooksResponse{Count: count}, nil
}

// Chat sends a greeting before the first request, and then a reply to each.
func (librarian) Chat(ctx context.Context, reqs runtime.Stream[libraryv1.ChatRequest]) runtime.Stream[libraryv1.ChatResponse] {
	return stream.Duplex(ctx, func(_ context.Context, send func(*libraryv1.ChatResponse) error) error {
		if err := send(&libraryv1.ChatResponse{Text: "welcome"}); err != nil {
			return err
		}
		for req, err := range reqs {
			if err != nil {
				return err
			}
			if err := send(&libraryv1.ChatResponse{Text: "you said " + req.GetText()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A stream of messages that are known beforehand.
func ExampleOf() {
	var books libraryv1service.BookService = librarian{}
	resp, err := books.ReturnBooks(context.Background(), stream.Of(
		&libraryv1.ReturnBooksRequest{Isbn: "1"},
		&libraryv1.ReturnBooksRequest{Isbn: "2"},
	))
	fmt.Println(resp.GetCount(), err)
	// Output: 2 <nil>
}

// A method that sends on its own initiative; see the type librarian.
func ExampleDuplex() {
	var books libraryv1service.BookService = librarian{}
	resps, err := stream.Collect(books.Chat(context.Background(), stream.Of(&libraryv1.ChatRequest{Text: "hello"})))
	for _, resp := range resps {
		fmt.Println(resp.GetText())
	}
	fmt.Println(err)
	// Output:
	// welcome
	// you said hello
	// <nil>
}

// A client that chooses each request by the last response.
func ExampleConversation() {
	var books libraryv1service.BookService = librarian{}
	chat := stream.Converse(context.Background(), books.Chat)
	defer chat.Close()
	greeting, err := chat.Receive()
	fmt.Println(greeting.GetText(), err)
	fmt.Println(chat.Send(&libraryv1.ChatRequest{Text: "thanks for the " + greeting.GetText()}))
	reply, err := chat.Receive()
	fmt.Println(reply.GetText(), err)
	// Output:
	// welcome <nil>
	// <nil>
	// you said thanks for the welcome <nil>
}
