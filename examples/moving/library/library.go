// Package library has the logic of the service, which no framework touches.
package library

import (
	"slices"
	"sync"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
)

// Library is a set of books. Its methods may be called concurrently.
type Library struct {
	mu    sync.Mutex
	books []*libraryv1.Book
}

// New returns a library with two books.
func New() *Library {
	return &Library{books: []*libraryv1.Book{{Isbn: "1", Title: "One"}, {Isbn: "2", Title: "Two"}}}
}

// Book returns the first book that matches, or nil.
func (l *Library) Book(matches func(*libraryv1.Book) bool) *libraryv1.Book {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.books, matches); i >= 0 {
		return l.books[i]
	}
	return nil
}

// Books returns all books.
func (l *Library) Books() []*libraryv1.Book {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.books)
}

// Add adds a book.
func (l *Library) Add(book *libraryv1.Book) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books = append(l.books, book)
}
