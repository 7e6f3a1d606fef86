package service

import (
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// find returns the user with an ID, or NOT_FOUND.
func find(tx *userTx, id int32) (*shopv1.User, error) {
	user, ok := tx.byID(id)
	if !ok {
		return nil, shopv1service.UserReasonUserUnknown.Errorf(codes.NotFound, "there is no user %d", id).
			WithResource("shop.example.com/User", "users/"+strconv.Itoa(int(id)), "")
	}
	return user, nil
}

// checkEmail returns an error if another user has the email of user; path is the field path of user
// in the request. The other rules are in the proto, and checked before the method runs.
func checkEmail(tx *userTx, user *shopv1.User, path string) error {
	if id, taken := tx.idByEmail(user.GetEmail()); taken && id != user.GetId() {
		return shopv1service.UserReasonEmailTaken.Errorf(codes.AlreadyExists, "%semail: another user has it", path)
	}
	return nil
}

// merge copies the fields that paths name, or all fields that may change, from changes to user.
func merge(user, changes *shopv1.User, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"name", "email", "role", "address"}
	}
	for _, path := range paths {
		switch path {
		case "name":
			user.Name = changes.GetName()
		case "email":
			user.Email = changes.GetEmail()
		case "role":
			user.Role = changes.GetRole()
		case "address":
			user.Address = proto.CloneOf(changes.GetAddress())
		default:
			return rpcerr.Invalid(rpcerr.Violation("update_mask", "%q is not a field that can be changed", path))
		}
	}
	return nil
}
