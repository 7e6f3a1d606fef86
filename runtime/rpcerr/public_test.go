package rpcerr_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestPublicStatusTellsWhatACallerWouldGet(t *testing.T) {
	for _, test := range []struct {
		err  error
		code codes.Code
		text string
	}{
		{nil, codes.OK, ""},
		{errors.New("secret"), codes.Unknown, "unknown error"},
		{context.Canceled, codes.Canceled, "canceled"},
		{rpcerr.Reason("X").Errorf(codes.NotFound, "no book").WithCause(errors.New("secret")), codes.NotFound, "no book"},
		{rpcerr.Wrap(status.Error(codes.NotFound, "secret"), "look"), codes.NotFound, "look: not found"},
	} {
		if st := rpcerr.PublicStatus(test.err); st.Code() != test.code || st.Message() != test.text {
			t.Errorf("%v: got %v", test.err, st)
		}
	}
}
