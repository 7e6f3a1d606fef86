package service

import (
	"context"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/filter"
	"github.com/grpcservice/grpcservice/runtime/page"
)

// ListUsers returns the users that a filter leaves, a page at a time.
//
// It looks at all users for each page. A database has indexes: it gets the SQL that [filter.Filter]
// and [page.Columns] make.
func (s *UserService) ListUsers(ctx context.Context, req *shopv1.ListUsersRequest) (*shopv1.ListUsersResponse, error) {
	matches, err := userSchema.Parse("filter", req.GetFilter())
	if err != nil {
		return nil, err
	}
	order, err := parseUserOrder(req.GetOrderBy())
	if err != nil {
		return nil, err
	}
	return shopv1service.UserServiceListUsers.Serve(ctx, req, page.Keyset(
		func(ctx context.Context, after *userKey, limit int) ([]*shopv1.User, error) {
			users, err := s.matching(ctx, matches)
			return order.rows(users, after, limit), err
		},
		keyOfUser,
	), page.WithTotal(func(ctx context.Context) (int64, error) {
		users, err := s.matching(ctx, matches)
		return int64(len(users)), err
	}))
}

// userSchema defines the filters of users. A bare word is searched for in names.
var userSchema = filter.For((*shopv1.User)(nil).ProtoReflect().Descriptor(), filter.WithSearch("name"))

// matching returns the users that match a filter, in no particular order.
func (s *UserService) matching(ctx context.Context, f *filter.Filter) ([]*shopv1.User, error) {
	users, err := inTx(ctx, s.users, func(tx *userTx) ([]*shopv1.User, error) { return tx.all(), nil })
	if err != nil {
		return nil, err
	}
	var found []*shopv1.User
	for _, u := range users {
		ok, err := f.Match(ctx, u)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, u)
		}
	}
	return found, nil
}
