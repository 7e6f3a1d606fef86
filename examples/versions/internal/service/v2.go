package service

import (
	"context"
	"strconv"
	"strings"

	usersv2 "github.com/grpcservice/grpcservice/examples/versions/gen/users/v2"
	"github.com/grpcservice/grpcservice/examples/versions/internal/users"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// V2 implements usersv2service.UserService.
type V2 struct{ store *users.Store }

// NewV2 returns the second version of the API over store.
func NewV2(store *users.Store) *V2 { return &V2{store} }

// GetUser returns one user, or NOT_FOUND.
func (s *V2) GetUser(_ context.Context, req *usersv2.GetUserRequest) (*usersv2.User, error) {
	number, isName := strings.CutPrefix(req.GetName(), collection)
	id, err := strconv.ParseInt(number, 10, 32)
	if !isName || err != nil {
		return nil, rpcerr.Invalid(rpcerr.Violation("name", "must be the name of a user, as in users/42"))
	}
	user, err := s.store.Get(int32(id))
	if err != nil {
		return nil, publicError(err, "")
	}
	return toV2(user), nil
}

// CreateUser adds a user and returns it with its name.
func (s *V2) CreateUser(_ context.Context, req *usersv2.CreateUserRequest) (*usersv2.User, error) {
	user, err := s.store.Add(users.User{
		Given:  req.GetUser().GetGivenName(),
		Family: req.GetUser().GetFamilyName(),
		Email:  req.GetUser().GetEmail(),
		Phone:  req.GetUser().GetPhone(),
	})
	if err != nil {
		return nil, publicError(err, "user.given_name")
	}
	return toV2(user), nil
}

// collection is what the names of users begin with.
const collection = "users/"

func toV2(user users.User) *usersv2.User {
	v2 := &usersv2.User{
		Name:       collection + strconv.Itoa(int(user.ID)),
		GivenName:  user.Given,
		FamilyName: user.Family,
		Email:      user.Email,
	}
	if user.Phone != "" {
		v2.Phone = &user.Phone
	}
	return v2
}
