// Package service serves the users as each version of the API has them. A version only translates:
// what it does is in package users, once.
package service

import (
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/examples/versions/internal/users"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The reasons of the errors of both versions (AIP-193). Programs compare them, so a version must
// not change them.
const userUnknown rpcerr.Reason = "users.example.com/USER_UNKNOWN"

// publicError returns the error that a caller receives; nameField is the version's field for a
// user's name.
func publicError(err error, nameField string) error {
	switch {
	case errors.Is(err, users.ErrUnknown):
		return userUnknown.Errorf(codes.NotFound, "there is no such user")
	case errors.Is(err, users.ErrNoName):
		return rpcerr.Invalid(rpcerr.Violation(nameField, "must not be empty"))
	default:
		return err
	}
}
