package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// okStatus is an error whose status says that there is none.
type okStatus struct{}

func (okStatus) Error() string              { return "confused" }
func (okStatus) GRPCStatus() *status.Status { return nil }

// nilStatus is an error whose methods panic where it is nil.
type nilStatus struct{ st *status.Status }

func (e *nilStatus) Error() string              { return e.st.String() }
func (e *nilStatus) GRPCStatus() *status.Status { return e.st }

func TestStatusOf(t *testing.T) {
	const plain, drained = false, true // whether a shutdown canceled the call
	notFound := status.Error(codes.NotFound, "no such book")
	for name, test := range map[string]struct {
		drained bool
		err     error
		code    codes.Code
		message string
	}{
		"status":           {plain, notFound, codes.NotFound, "no such book"},
		"wrapped status":   {plain, fmt.Errorf("db at 10.0.0.7: %w", notFound), codes.NotFound, "no such book"},
		"joined status":    {plain, errors.Join(errors.New("secret"), notFound), codes.NotFound, "no such book"},
		"plain":            {plain, errors.New("password=hunter2"), codes.Unknown, "unknown error"},
		"status of OK":     {plain, okStatus{}, codes.Unknown, "unknown error"},
		"nil pointer":      {plain, (*nilStatus)(nil), codes.Internal, "internal error"},
		"canceled":         {plain, fmt.Errorf("query: %w", context.Canceled), codes.Canceled, "canceled"},
		"deadline":         {plain, fmt.Errorf("query: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "deadline exceeded"},
		"canceled by us":   {drained, context.Canceled, codes.Unavailable, "the server is shutting down"},
		"not found anyway": {drained, notFound, codes.NotFound, "no such book"},
		"fault":            {plain, rpcerr.Internal("nil map in cache.go"), codes.Internal, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &callContext{Context: context.Background(), listed: new(liveCall)}
			c.listed.drained.Store(test.drained)
			st := status.Convert(c.publicError(test.err))
			if st.Code() != test.code || st.Message() != test.message {
				t.Errorf("publicError(%v) = %v %q, want %v %q", test.err, st.Code(), st.Message(), test.code, test.message)
			}
		})
	}
}

func TestErrorsCarryErrorInfo(t *testing.T) {
	for reason, err := range map[rpcerr.Reason]error{
		rpcerr.ReasonInternal:      rpcerr.Internal("x"),
		rpcerr.ReasonDraining:      runtime.ErrDraining,
		rpcerr.ReasonUnimplemented: runtime.Unimplemented("a.B", "C"),
		rpcerr.ReasonUnknown:       rpcerr.PublicStatus(errors.New("x")).Err(),
	} {
		details := status.Convert(err).Details()
		if len(details) != 1 {
			t.Fatalf("%s: %d details, want ErrorInfo", reason, len(details))
		}
		info, ok := details[0].(*errdetails.ErrorInfo)
		if !ok || info.GetReason() != reason.Name() || info.GetDomain() != rpcerr.ErrorDomain {
			t.Errorf("%s: detail %v", reason, details[0])
		}
	}
}

// TestNewErrorNeverFails holds what the pipeline relies on.
func TestNewErrorNeverFails(t *testing.T) {
	bad := &errdetails.Help{Links: []*errdetails.Help_Link{{Url: "\xff"}}}
	st := rpcerr.PublicStatus(rpcerr.Reason("A").Errorf(codes.Aborted, "a\xffb").WithRetryAfter(-time.Second).WithDetail(bad).WithQuota("\xff", "b").WithViolations(rpcerr.FieldViolation{Field: "\xff"}).Fixed())
	if st.Message() != "a\uFFFDb" || len(st.Details()) != 4 {
		t.Errorf("%v with details %v", st, st.Details())
	}
	if st := rpcerr.PublicStatus(rpcerr.Reason("A").Errorf(codes.OK, "all is well").Fixed()); st.Code() != codes.Internal || st.Message() != "internal error" {
		t.Errorf("the code OK gives %v", st)
	}
	if st := rpcerr.PublicStatus(rpcerr.Reason("A").Errorf(codes.Aborted, "%s", strings.Repeat("x", 1<<20)).WithRetryAfter(time.Second).Fixed()); len(st.Message()) != rpcerr.MaxErrorMessage || len(st.Details()) != 2 {
		t.Errorf("a message of %d bytes and %d details", len(st.Message()), len(st.Details()))
	}
}

// TestPublicStatusIsTheSameWhereItMayBe checks that statuses that need no change are not copied.
func TestPublicStatusIsTheSameWhereItMayBe(t *testing.T) {
	for name, err := range map[string]error{
		"foreign": status.Error(codes.NotFound, "no"), "made": runtime.ErrDraining, "wrapped": rpcerr.Wrap(runtime.ErrDraining, "x"),
	} {
		if rpcerr.PublicStatus(err) != status.Convert(err) {
			t.Errorf("%s: the status was copied", name)
		}
	}
}
