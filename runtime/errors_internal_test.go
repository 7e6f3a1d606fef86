package runtime

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// okStatus is an error whose status says that there is none.
type okStatus struct{}

func (okStatus) Error() string              { return "confused" }
func (okStatus) GRPCStatus() *status.Status { return nil }

func TestStatusOf(t *testing.T) {
	drained, cancel := context.WithCancelCause(context.Background())
	cancel(errDraining)
	plain := context.Background()
	notFound := status.Error(codes.NotFound, "no such book")
	for name, test := range map[string]struct {
		ctx     context.Context
		err     error
		code    codes.Code
		message string
	}{
		"status":           {plain, notFound, codes.NotFound, "no such book"},
		"wrapped status":   {plain, fmt.Errorf("db at 10.0.0.7: %w", notFound), codes.NotFound, "no such book"},
		"joined status":    {plain, errors.Join(errors.New("secret"), notFound), codes.NotFound, "no such book"},
		"plain":            {plain, errors.New("password=hunter2"), codes.Unknown, "unknown error"},
		"status of OK":     {plain, okStatus{}, codes.Unknown, "unknown error"},
		"canceled":         {plain, fmt.Errorf("query: %w", context.Canceled), codes.Canceled, "canceled"},
		"deadline":         {plain, fmt.Errorf("query: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "deadline exceeded"},
		"canceled by us":   {drained, context.Canceled, codes.Unavailable, "the server is shutting down"},
		"not found anyway": {drained, notFound, codes.NotFound, "no such book"},
		"fault":            {plain, internalError("nil map in cache.go"), codes.Internal, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			st := (&callContext{Context: test.ctx}).statusOf(test.err)
			if st.Code() != test.code || st.Message() != test.message {
				t.Errorf("statusOf(%v) = %v %q, want %v %q", test.err, st.Code(), st.Message(), test.code, test.message)
			}
		})
	}
}

func TestErrorsCarryErrorInfo(t *testing.T) {
	for reason, err := range map[string]error{
		ReasonInternal:      internalError("x"),
		ReasonDraining:      errDraining,
		ReasonUnimplemented: Unimplemented("a.B", "C"),
		ReasonUnknown:       publicStatus(errors.New("x")).Err(),
	} {
		details := status.Convert(err).Details()
		if len(details) != 1 {
			t.Fatalf("%s: %d details, want ErrorInfo", reason, len(details))
		}
		info, ok := details[0].(*errdetails.ErrorInfo)
		if !ok || info.GetReason() != reason || info.GetDomain() != ErrorDomain {
			t.Errorf("%s: detail %v", reason, details[0])
		}
	}
}
