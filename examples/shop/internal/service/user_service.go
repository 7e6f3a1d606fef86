package service

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
)

// maxUsers bounds the memory of a UserService, together with the max_request_bytes of its policy.
const maxUsers = 10_000

// UserService keeps users in memory. It implements [shopv1service.UserService].
type UserService struct {
	users *userTable
}

// NewUserService returns a UserService without users.
func NewUserService() *UserService { return &UserService{newUserTable()} }

// GetUser returns one user, or NOT_FOUND.
func (s *UserService) GetUser(ctx context.Context, req *shopv1.GetUserRequest) (*shopv1.User, error) {
	return inTx(ctx, s.users, func(tx *userTx) (*shopv1.User, error) { return find(tx, req.GetId()) })
}

// CreateUser adds a user and returns it with its id.
func (s *UserService) CreateUser(ctx context.Context, req *shopv1.CreateUserRequest) (*shopv1.User, error) {
	user := &shopv1.User{
		Name:      req.GetName(),
		Email:     req.GetEmail(),
		Role:      req.GetRole(),
		Address:   proto.CloneOf(req.GetAddress()),
		CreatedAt: timestamppb.Now(),
	}
	if user.Role == shopv1.UserRole_USER_ROLE_UNSPECIFIED {
		user.Role = shopv1.UserRole_USER_ROLE_MEMBER
	}
	return inTx(ctx, s.users, func(tx *userTx) (*shopv1.User, error) {
		if tx.count() >= maxUsers {
			return nil, shopv1service.UserReasonShopFull.Errorf(codes.ResourceExhausted, "the shop has its %d users; delete one first", maxUsers)
		}
		if err := checkEmail(tx, user, ""); err != nil {
			return nil, err
		}
		user.Id = tx.nextID()
		tx.set(user.GetId(), user)
		return user, nil
	})
}

// UpdateUser changes the fields of a user that the mask names and returns the result.
func (s *UserService) UpdateUser(ctx context.Context, req *shopv1.UpdateUserRequest) (*shopv1.User, error) {
	return inTx(ctx, s.users, func(tx *userTx) (*shopv1.User, error) {
		old, err := find(tx, req.GetUser().GetId())
		if err != nil {
			return nil, err
		}
		user := proto.CloneOf(old)
		if err := merge(user, req.GetUser(), req.GetUpdateMask().GetPaths()); err != nil {
			return nil, err
		}
		if err := checkEmail(tx, user, "user."); err != nil {
			return nil, err
		}
		tx.set(user.GetId(), user)
		return user, nil
	})
}

// DeleteUser removes a user, or returns NOT_FOUND.
func (s *UserService) DeleteUser(ctx context.Context, req *shopv1.DeleteUserRequest) (*emptypb.Empty, error) {
	return inTx(ctx, s.users, func(tx *userTx) (*emptypb.Empty, error) {
		user, err := find(tx, req.GetId())
		if err != nil {
			return nil, err
		}
		tx.set(user.GetId(), nil)
		return &emptypb.Empty{}, nil
	})
}
