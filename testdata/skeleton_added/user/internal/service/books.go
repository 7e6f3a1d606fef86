// Package service is the user's.
package service

import (
	"context"
	"database/sql"

	pb "example.com/skeleton_added/library/v1"
	. "example.com/skeleton_added/library/v1/libraryv1service"
)

// Books implements BookService under another name.
type Books struct {
	db *sql.DB // the catalogue
}

var _ BookService = &Books{}

// GetBook is the user's, and stays as it is.
func (b *Books) GetBook(ctx context.Context, _ *pb.GetBookRequest) (book *pb.Book, err error) {
	return &pb.Book{}, b.db.PingContext(ctx)
} // the end
