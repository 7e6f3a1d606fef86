// Package library implements the services of library.v1.
package library

import (
	"context"

	libraryv1 "example.com/skeleton_page_keys/library/v1"
	"example.com/skeleton_page_keys/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// PageKeyService implements [libraryv1service.PageKeyService].
type PageKeyService struct{}

var _ libraryv1service.PageKeyService = (*PageKeyService)(nil)

// NewPageKeyService returns a PageKeyService.
func NewPageKeyService() *PageKeyService {
	return &PageKeyService{}
}

// ListUsers is read after the id, which GetUser takes, and not after the name, which many users have.
func (s *PageKeyService) ListUsers(ctx context.Context, req *libraryv1.ListUsersRequest) (*libraryv1.ListUsersResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListUsers.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *int32, limit int) ([]*libraryv1.User, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListUsers")
		},
		func(item *libraryv1.User) int32 { return item.GetId() },
	))
}

// GetUser takes a request and returns a response.
func (s *PageKeyService) GetUser(ctx context.Context, req *libraryv1.GetUserRequest) (*libraryv1.User, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "GetUser")
}

// ListBooks is read after the name, which GetBook takes.
func (s *PageKeyService) ListBooks(ctx context.Context, req *libraryv1.ListBooksRequest) (*libraryv1.ListBooksResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListBooks.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Book, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListBooks")
		},
		func(item *libraryv1.Book) string { return item.GetName() },
	))
}

// GetBook takes a request and returns a response.
func (s *PageKeyService) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "GetBook")
}

// ListAccounts is read after the login, which GetAccount takes, though there is an id.
func (s *PageKeyService) ListAccounts(ctx context.Context, req *libraryv1.ListAccountsRequest) (*libraryv1.ListAccountsResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListAccounts.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Account, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListAccounts")
		},
		func(item *libraryv1.Account) string { return item.GetLogin() },
	))
}

// GetAccount takes a request and returns a response.
func (s *PageKeyService) GetAccount(ctx context.Context, req *libraryv1.GetAccountRequest) (*libraryv1.Account, error) {
	// TODO: Check req, do the work and return the response. Callers get the status of an error, and
	// UNKNOWN if it has none.
	return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "GetAccount")
}

// ListShelves is read after the field that is its IDENTIFIER.
func (s *PageKeyService) ListShelves(ctx context.Context, req *libraryv1.ListShelvesRequest) (*libraryv1.ListShelvesResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListShelves.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Shelf, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListShelves")
		},
		func(item *libraryv1.Shelf) string { return item.GetPlace() },
	))
}

// ListRooms is read after the name of the resource.
func (s *PageKeyService) ListRooms(ctx context.Context, req *libraryv1.ListRoomsRequest) (*libraryv1.ListRoomsResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListRooms.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Room, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListRooms")
		},
		func(item *libraryv1.Room) string { return item.GetPath() },
	))
}

// ListLoans is read after the id: no method gets a loan.
func (s *PageKeyService) ListLoans(ctx context.Context, req *libraryv1.ListLoansRequest) (*libraryv1.ListLoansResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	return libraryv1service.PageKeyServiceListLoans.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *uint64, limit int) ([]*libraryv1.Loan, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListLoans")
		},
		func(item *libraryv1.Loan) uint64 { return item.GetId() },
	))
}

// ListAuthors is read after the name, for want of anything better.
func (s *PageKeyService) ListAuthors(ctx context.Context, req *libraryv1.ListAuthorsRequest) (*libraryv1.ListAuthorsResponse, error) {
	// TODO: Return at most limit items, sorted by key: from the start if after is nil, otherwise those
	// after it. The key must be unique. Make it a struct if the list is sorted by other fields first.
	// TODO: Check that name is unique. The proto does not say so, and the next page skips all items with the
	// key of the last one.
	return libraryv1service.PageKeyServiceListAuthors.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *string, limit int) ([]*libraryv1.Author, error) {
			return nil, runtime.Unimplemented(libraryv1service.PageKeyServiceName, "ListAuthors")
		},
		func(item *libraryv1.Author) string { return item.GetName() },
	))
}
