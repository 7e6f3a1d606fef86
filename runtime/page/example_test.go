package page_test

import (
	"context"
	"fmt"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func ExampleColumns_Where() {
	orders, err := page.ParseOrder("order_by", "name desc, last_seen", "name", "last_seen")
	if err != nil {
		fmt.Println(err)
		return
	}
	columns, err := page.OrderColumns(orders, map[string]page.Column{
		"name":      {Name: "name"},
		"last_seen": {Name: "last_seen_at", Nulls: page.NullsLast},
	}, page.Column{Name: "id"})
	if err != nil {
		fmt.Println(err)
		return
	}
	where, args, err := columns.Where(page.Dollar, 1, &page.Tuple{"Ada", "1815-12-10", 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(where)
	fmt.Println(args...)
	fmt.Println(columns.OrderBy())
	// Output:
	// (name <= $2 AND (name < $3 OR (name = $4 AND (last_seen_at > $5 OR last_seen_at IS NULL OR (last_seen_at = $6 AND (id > $7))))))
	// Ada Ada Ada 1815-12-10 1815-12-10 7
	// name DESC, last_seen_at NULLS LAST, id
}

// shelf implements the paged RPC of libraryv1service.BookService. Called directly, as here, it
// behaves as its client does.
type shelf struct {
	libraryv1service.UnimplementedBookService
	books []*libraryv1.Book // ordered by ISBN
}

func (s shelf) ListBooks(ctx context.Context, req *libraryv1.ListBooksRequest) (*libraryv1.ListBooksResponse, error) {
	return libraryv1service.BookServiceListBooks.Serve(ctx, req, page.Keyset(
		func(_ context.Context, after *string, limit int) (rows []*libraryv1.Book, err error) {
			for _, book := range s.books { // a database would do: WHERE isbn > $1 ORDER BY isbn LIMIT $2
				if (after == nil || book.GetIsbn() > *after) && len(rows) < limit {
					rows = append(rows, book)
				}
			}
			return rows, nil
		},
		(*libraryv1.Book).GetIsbn,
	))
}

// A list whose pages follow a key, and a client that ranges over all of them.
func ExampleKeyset() {
	var svc libraryv1service.BookService = shelf{books: []*libraryv1.Book{
		{Isbn: "1", Title: "One"}, {Isbn: "2", Title: "Two"}, {Isbn: "3", Title: "Three"},
	}}
	ctx := context.Background()
	first, err := svc.ListBooks(ctx, &libraryv1.ListBooksRequest{PageSize: 2})
	fmt.Println(len(first.GetBooks()), first.GetNextPageToken() != "", err)

	_, err = svc.ListBooks(ctx, &libraryv1.ListBooksRequest{PageSize: 2, PageToken: "forged"})
	fmt.Println(rpcerr.ReasonOf(err) == page.ReasonTokenInvalid)

	for book, err := range libraryv1service.BookServiceListBooks.All(ctx, svc, &libraryv1.ListBooksRequest{PageSize: 2}) {
		fmt.Println(book.GetTitle(), err)
	}
	// Output:
	// 2 true <nil>
	// true
	// One <nil>
	// Two <nil>
	// Three <nil>
}
