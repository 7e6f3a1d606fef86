package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestWrapNil(t *testing.T) {
	if err := rpcerr.Wrap(nil, "check inventory"); err != nil {
		t.Errorf("Wrap(nil) = %v", err)
	}
}

// TestWrapKeepsCodes holds the message for each code, and that the upstream's is not in it.
func TestWrapKeepsCodes(t *testing.T) {
	for code, message := range map[codes.Code]string{
		codes.Canceled:           "check: canceled",
		codes.Unknown:            "check: unknown error",
		codes.InvalidArgument:    "check: invalid argument",
		codes.DeadlineExceeded:   "check: deadline exceeded",
		codes.NotFound:           "check: not found",
		codes.AlreadyExists:      "check: already exists",
		codes.PermissionDenied:   "check: permission denied",
		codes.ResourceExhausted:  "check: resource exhausted",
		codes.FailedPrecondition: "check: failed precondition",
		codes.Aborted:            "check: aborted",
		codes.OutOfRange:         "check: out of range",
		codes.Unimplemented:      "check: unimplemented",
		codes.Internal:           "check: internal error",
		codes.Unavailable:        "check: unavailable",
		codes.DataLoss:           "check: data loss",
		codes.Unauthenticated:    "check: unauthenticated",
		77:                       "check: unknown error",
	} {
		upstream := status.Error(code, "shard 10.0.0.7")
		err := rpcerr.Wrap(upstream, "check")
		if code == 77 {
			code = codes.Unknown
		}
		echotest.WantStatus(t, err, code, message)
		if want := "check: " + upstream.Error(); err.Error() != want {
			t.Errorf("the log gets %q, want %q", err, want)
		}
	}
}

func TestWrapErrorsWithoutStatus(t *testing.T) {
	unknown := &errdetails.ErrorInfo{Domain: rpcerr.ErrorDomain, Reason: rpcerr.ReasonUnknown.Name()}
	for name, test := range map[string]struct {
		err     error
		code    codes.Code
		message string
		details []proto.Message
	}{
		"plain":    {fs.ErrPermission, codes.Unknown, "check: unknown error", []proto.Message{unknown}},
		"of OK":    {okError{}, codes.Unknown, "check: unknown error", []proto.Message{unknown}},
		"deadline": {fmt.Errorf("query: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "check: deadline exceeded", nil},
		"canceled": {fmt.Errorf("query: %w", context.Canceled), codes.Canceled, "check: canceled", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := rpcerr.Wrap(test.err, "check")
			echotest.WantStatus(t, err, test.code, test.message, test.details...)
			if !errors.Is(err, test.err) || err.Error() != "check: "+test.err.Error() {
				t.Errorf("the error is lost for the log: %v", err)
			}
		})
	}
}

// okError is an error whose status says that there is none.
type okError struct{}

func (okError) Error() string              { return "confused" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

func TestWrapKeepsDetails(t *testing.T) {
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}
	local := &errdetails.LocalizedMessage{Locale: "de", Message: "kaputt"}
	resource := &errdetails.ResourceInfo{ResourceName: "books/1"}
	all := []proto.Message{echotest.OutOfStock(nil), local, &errdetails.DebugInfo{Detail: "stack"}, resource, retry}
	own := []proto.Message{echotest.OutOfStock(nil), retry}
	for code, want := range map[codes.Code][]proto.Message{
		codes.NotFound:    {echotest.OutOfStock(nil), local, resource, retry},
		codes.Unavailable: {echotest.OutOfStock(nil), local, resource, retry},
		codes.Internal:    own, codes.Unknown: own, codes.DataLoss: own,
	} {
		err := rpcerr.Wrap(echotest.StatusError(t, code, "x", all...), "check")
		if reason := rpcerr.ReasonOf(err); reason != reasonOutOfStock {
			t.Errorf("%v: the reason is %q", code, reason)
		}
		echotest.WantStatus(t, err, code, status.Convert(err).Message(), want...)
	}
}

// TestWrapAgain checks that each service on the way has the word once, and the log has all of them.
func TestWrapAgain(t *testing.T) {
	first := reasonOutOfStock.Errorf(codes.NotFound, "no book").WithCause(fs.ErrNotExist)
	err := rpcerr.Wrap(fmt.Errorf("try 2: %w", rpcerr.Wrap(first, "check inventory")), "place order")
	echotest.WantStatus(t, err, codes.NotFound, "place order: not found", echotest.OutOfStock(nil))
	if want := "place order: try 2: check inventory: no book: file does not exist"; err.Error() != want {
		t.Errorf("the log gets %q, want %q", err, want)
	}
	var inner *rpcerr.Error
	if !errors.As(err, &inner) || inner != first || !errors.Is(err, fs.ErrNotExist) {
		t.Error("errors.As or errors.Is does not find what was wrapped")
	}
}

// TestWrapBetweenServices sends the error of one server through another.
func TestWrapBetweenServices(t *testing.T) {
	inventory := echotest.Start(t, echotest.Behaving(func(context.Context) error {
		return reasonOutOfStock.Errorf(codes.Unavailable, "shard 3 is down").WithRetryAfter(time.Minute)
	}))
	shop := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		return rpcerr.Wrap(echotest.Kinds["One"](ctx, inventory.Conn), "check inventory")
	}))
	for name, call := range echotest.Kinds {
		err := call(echotest.Context(t), shop.Conn)
		echotest.WantStatus(t, err, codes.Unavailable, "check inventory: unavailable", echotest.OutOfStock(nil), &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)})
		if wait, ok := rpcerr.RetryAfter(err); !ok || wait != time.Minute {
			t.Errorf("%s: RetryAfter = %v, %v", name, wait, ok)
		}
	}
}
