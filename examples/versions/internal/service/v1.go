package service

import (
	"context"
	"strings"

	usersv1 "github.com/grpcservice/grpcservice/examples/versions/gen/users/v1"
	"github.com/grpcservice/grpcservice/examples/versions/internal/users"
)

// V1 implements usersv1service.UserService.
type V1 struct{ store *users.Store }

// NewV1 returns the first version of the API over store.
func NewV1(store *users.Store) *V1 { return &V1{store} }

// GetUser returns one user, or NOT_FOUND.
func (s *V1) GetUser(_ context.Context, req *usersv1.GetUserRequest) (*usersv1.User, error) {
	user, err := s.store.Get(req.GetId())
	if err != nil {
		return nil, publicError(err, "")
	}
	return toV1(user), nil
}

// CreateUser adds a user and returns it with its id.
func (s *V1) CreateUser(_ context.Context, req *usersv1.CreateUserRequest) (*usersv1.User, error) {
	given, family, _ := strings.Cut(strings.TrimSpace(req.GetName()), " ")
	user, err := s.store.Add(users.User{Given: given, Family: strings.TrimSpace(family), Email: req.GetEmail()})
	if err != nil {
		return nil, publicError(err, "name")
	}
	return toV1(user), nil
}

func toV1(user users.User) *usersv1.User {
	return &usersv1.User{Id: user.ID, Name: strings.TrimSpace(user.Given + " " + user.Family), Email: user.Email}
}
