package service

import (
	"context"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/batch"
)

// BatchGetUsers returns many users at once, and the IDs without a user.
func (s *UserService) BatchGetUsers(ctx context.Context, req *shopv1.BatchGetUsersRequest) (*shopv1.BatchGetUsersResponse, error) {
	return shopv1service.UserServiceBatchGetUsers.Load(ctx, req, func(ctx context.Context, ids []int32) (map[int32]*shopv1.User, error) {
		return inTx(ctx, s.users, func(tx *userTx) (map[int32]*shopv1.User, error) {
			users := make(map[int32]*shopv1.User, len(ids))
			for _, id := range ids {
				if user, ok := tx.byID(id); ok {
					users[id] = user
				}
			}
			return users, nil
		})
	})
}

// BatchCreateUsers adds all users of a request, in their order, or none.
func (s *UserService) BatchCreateUsers(ctx context.Context, req *shopv1.BatchCreateUsersRequest) (*shopv1.BatchCreateUsersResponse, error) {
	return shopv1service.UserServiceBatchCreateUsers.Each(ctx, req, s.CreateUser, batch.WithTx(s.users.InTx))
}
