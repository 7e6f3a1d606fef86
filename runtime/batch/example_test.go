package batch_test

import (
	"context"
	"fmt"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/batch"
)

// catalog implements the batch of libraryv1service.BookService. Called directly, as here, it
// behaves as its client does.
type catalog struct {
	libraryv1service.UnimplementedBookService
	titles map[string]string
}

func (c catalog) BatchGetBooks(ctx context.Context, req *libraryv1.BatchGetBooksRequest) (*libraryv1.BatchGetBooksResponse, error) {
	return libraryv1service.BookServiceBatchGetBooks.Load(ctx, req,
		func(_ context.Context, isbns []string) (map[string]*libraryv1.Book, error) {
			found := make(map[string]*libraryv1.Book)
			for _, isbn := range isbns { // a database would do: WHERE isbn = ANY($1)
				if title, ok := c.titles[isbn]; ok {
					found[isbn] = &libraryv1.Book{Isbn: isbn, Title: title}
				}
			}
			return found, nil
		})
}

// A batch that one query serves.
func ExampleMethod_Load() {
	var svc libraryv1service.BookService = catalog{titles: map[string]string{"1": "One", "2": "Two"}}
	resp, err := svc.BatchGetBooks(context.Background(), &libraryv1.BatchGetBooksRequest{Isbns: []string{"1", "2", "3"}})
	fmt.Println(len(resp.GetBooks()), resp.GetNotFound(), err)
	// Output: 2 [3] <nil>
}

// A request of any size, in calls of at most two items.
func ExampleMethod_Split() {
	var svc libraryv1service.BookService = catalog{titles: map[string]string{"1": "One", "2": "Two", "3": "Three"}}
	resp, err := libraryv1service.BookServiceBatchGetBooks.Split(context.Background(), svc,
		&libraryv1.BatchGetBooksRequest{Isbns: []string{"1", "2", "3"}}, batch.WithMaxSize(2))
	fmt.Println(len(resp.GetBooks()), err)
	// Output: 3 <nil>
}

// Single gets that become batches.
func ExampleMethod_Loader() {
	var svc libraryv1service.BookService = catalog{titles: map[string]string{"1": "One"}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	loader := libraryv1service.BookServiceBatchGetBooks.Loader(ctx, svc, nil)
	book, err := loader.Get(ctx, "1") // from any number of goroutines
	fmt.Println(book.GetTitle(), err)
	// Output: One <nil>
}
