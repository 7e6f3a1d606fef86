package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// reasonOutOfStock is what would be generated for a value of a reason enum.
const reasonOutOfStock rpcerr.Reason = "library.example.com/OUT_OF_STOCK"

func TestErrorfMakesAStatus(t *testing.T) {
	err := reasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", "978-0")
	echotest.WantStatus(t, err, codes.FailedPrecondition, `"978-0" is out of stock`, echotest.OutOfStock(nil))
	if err.Error() != `"978-0" is out of stock` {
		t.Errorf("the log gets %q", err)
	}
}

func TestErrorDetails(t *testing.T) {
	err := reasonOutOfStock.Errorf(codes.FailedPrecondition, "no").
		WithMetadata("isbn", "978-0").WithMetadata("copies", "0").
		WithViolations(rpcerr.Violation("isbn", "must have %d digits", 13)).
		WithViolations(rpcerr.FieldViolation{Field: "copies", Description: "too many", Reason: "TOO_MANY"}).
		WithPrecondition("STOCK", "books/978-0", "order it").WithPrecondition("CARD", "alice", "renew it").
		WithQuota("user:alice", "3 books").
		WithResource("library.example.com/Book", "books/978-0", "").
		WithRetryAfter(time.Minute).WithRetryAfter(time.Hour).
		WithLocalizedMessage("de", "nichts da").WithLocalizedMessage("fr", "plus rien").
		WithDetail(&errdetails.RequestInfo{RequestId: "7"})
	echotest.WantStatus(t, err, codes.FailedPrecondition, "no",
		echotest.OutOfStock(map[string]string{"isbn": "978-0", "copies": "0"}),
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "isbn", Description: "must have 13 digits"}, {Field: "copies", Description: "too many", Reason: "TOO_MANY"}}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: "STOCK", Subject: "books/978-0", Description: "order it"}, {Type: "CARD", Subject: "alice", Description: "renew it"}}},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "user:alice", Description: "3 books"}}},
		&errdetails.ResourceInfo{ResourceType: "library.example.com/Book", ResourceName: "books/978-0"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)},
		&errdetails.LocalizedMessage{Locale: "fr", Message: "plus rien"},
		&errdetails.RequestInfo{RequestId: "7"})
}

// TestErrorsCanShareABase checks that an Error never changes, so that one may be a package's
// variable.
func TestErrorsCanShareABase(t *testing.T) {
	base := reasonOutOfStock.Errorf(codes.NotFound, "no").WithQuota("a", "1")
	for range 3 { // the capacity of slices must not be shared either
		base = base.WithDetail(&errdetails.Help{})
		one, two := base.WithRetryAfter(time.Second), base.WithResource("a", "b", "")
		_ = base.WithQuota("b", "2").WithMetadata("k", "v").WithCause(fs.ErrClosed).WithDetail(&errdetails.Help{Links: []*errdetails.Help_Link{{Url: "x"}}})
		if _, ok := rpcerr.RetryAfter(two); ok || errors.Is(base, fs.ErrClosed) {
			t.Errorf("%v has what another error was given", two)
		}
		if _, ok := rpcerr.RetryAfter(one); !ok {
			t.Errorf("%v lost its detail", one)
		}
	}
	quota := &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "a", Description: "1"}}}
	echotest.WantStatus(t, base, codes.NotFound, "no", echotest.OutOfStock(nil), quota, &errdetails.Help{})
}

func TestDetailIsCopied(t *testing.T) {
	detail := &errdetails.RequestInfo{RequestId: "7"}
	err := reasonOutOfStock.Errorf(codes.NotFound, "no").WithDetail(detail)
	detail.RequestId = "8"
	echotest.WantStatus(t, err, codes.NotFound, "no", echotest.OutOfStock(nil), &errdetails.RequestInfo{RequestId: "7"})
}

// TestNoErrorInAMessage checks that the text of an error does not get to callers by way of a
// format.
func TestNoErrorInAMessage(t *testing.T) {
	secret := fmt.Errorf("dial 10.0.0.7: %w", fs.ErrPermission)
	upstream := status.Error(codes.AlreadyExists, "row 17 of shard 3")
	for name, test := range map[string]struct {
		err     *rpcerr.Error
		message string
		log     string
	}{
		"%v":     {reasonOutOfStock.Errorf(codes.Aborted, "save: %v", secret), "save: unknown error", "save: unknown error: dial 10.0.0.7: permission denied"},
		"%w":     {reasonOutOfStock.Errorf(codes.Aborted, "save: %w", secret), "save: unknown error", "save: unknown error: dial 10.0.0.7: permission denied"},
		"%+v":    {reasonOutOfStock.Errorf(codes.Aborted, "save: %+v", secret), "save: unknown error", "save: unknown error: dial 10.0.0.7: permission denied"},
		"cause":  {reasonOutOfStock.Errorf(codes.Aborted, "save").WithCause(secret), "save", "save: dial 10.0.0.7: permission denied"},
		"status": {reasonOutOfStock.Errorf(codes.Aborted, "save: %v (%v)", upstream, secret), "save: already exists (unknown error)", "save: already exists (unknown error): " + upstream.Error() + "\n" + secret.Error()},
		"text":   {reasonOutOfStock.Errorf(codes.Aborted, "save: %v", secret.Error()).WithCause(secret).WithCause(nil), "save: " + secret.Error(), "save: " + secret.Error() + ": " + secret.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			echotest.WantStatus(t, test.err, codes.Aborted, test.message, echotest.OutOfStock(nil))
			if test.err.Error() != test.log {
				t.Errorf("the log gets %q, want %q", test.err, test.log)
			}
			if !errors.Is(test.err, fs.ErrPermission) {
				t.Error("errors.Is does not find the cause")
			}
		})
	}
}

func TestCodesThatAreNoErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.OK, codes.Unauthenticated + 1, 1 << 31} {
		err := reasonOutOfStock.Errorf(code, "all is well with %s", "us").WithCause(fs.ErrClosed)
		echotest.WantStatus(t, err, codes.Internal, "internal error", &errdetails.ErrorInfo{Domain: rpcerr.ErrorDomain, Reason: rpcerr.ReasonInternal.Name()})
		if !strings.Contains(err.Error(), code.String()) || !strings.Contains(err.Error(), "all is well with us") || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("the log gets %q", err)
		}
	}
}

// TestErrorsThatCannotBeEncoded checks that what is wrong with a part of an error takes nothing
// else with it.
func TestErrorsThatCannotBeEncoded(t *testing.T) {
	const bad = "a\xffb"
	var none *errdetails.Help
	err := rpcerr.Reason("x.y/"+bad).Errorf(codes.Aborted, "message %s", bad).WithMetadata(bad, bad).
		WithViolations().WithViolations(rpcerr.Violation(bad, bad)).WithPrecondition(bad, bad, bad).WithQuota(bad, bad).
		WithResource(bad, bad, bad).WithLocalizedMessage(bad, bad).WithRetryAfter(-time.Second).
		WithDetail(nil).WithDetail(none).WithDetail(&errdetails.Help{Links: []*errdetails.Help_Link{{Url: bad}}})
	const good = "a\uFFFDb"
	echotest.WantStatus(t, err, codes.Aborted, "message "+good,
		&errdetails.ErrorInfo{Domain: "x.y", Reason: good, Metadata: map[string]string{good: good}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: good, Description: good}}},
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: good, Subject: good, Description: good}}},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: good, Description: good}}},
		&errdetails.ResourceInfo{ResourceType: good, ResourceName: good, Description: good},
		&errdetails.LocalizedMessage{Locale: good, Message: good},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(0)})
}

func TestNoReason(t *testing.T) {
	echotest.WantStatus(t, rpcerr.Reason("").Errorf(codes.Aborted, "no"), codes.Aborted, "no")
}

// TestNilError checks that a nil *Error that was made an error, a mistake that is easy in Go,
// breaks nothing.
func TestNilError(t *testing.T) {
	var none *rpcerr.Error
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { return none }))
	for name, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Unknown {
			t.Errorf("%s: %v, want UNKNOWN", name, err)
		}
	}
	if none.Error() == "" || none.Unwrap() != nil {
		t.Error("a nil error says something else")
	}
}

func TestInvalid(t *testing.T) {
	if err := rpcerr.Invalid(); err != nil {
		t.Errorf("no violations: %v, want nil", err)
	}
	one := rpcerr.Violation("book.isbn", "must have 13 digits, has %d", 12)
	echotest.WantStatus(t, rpcerr.Invalid(one), codes.InvalidArgument, "invalid request: book.isbn: must have 13 digits, has 12",
		&errdetails.ErrorInfo{Domain: rpcerr.ErrorDomain, Reason: rpcerr.ReasonInvalidRequest.Name()},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "book.isbn", Description: "must have 13 digits, has 12"}}})
	five := []rpcerr.FieldViolation{one, {Field: "b", Description: "2"}, {Field: "c", Description: "3"}, {Field: "d", Description: "4"}, {Field: "e", Reason: "FIVE"}}
	err := rpcerr.Invalid(five...)
	if got, want := status.Convert(err).Message(), "invalid request: book.isbn: must have 13 digits, has 12; b: 2; c: 3; and 2 more"; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
	if diff := cmp.Diff(five, rpcerr.FieldViolations(err)); diff != "" {
		t.Errorf("the violations differ (-want +got):\n%s", diff)
	}
	if v := rpcerr.Violation("a", "parse: %v", errors.New("secret")); v.Description != "parse: unknown error" {
		t.Errorf("a violation shows an error: %q", v.Description)
	}
}

// TestErrorsOverTheWire holds what callers and the log get of an error, for each kind of RPC.
func TestErrorsOverTheWire(t *testing.T) {
	secret := errors.New("dial 10.0.0.7: no route")
	for name, test := range map[string]struct {
		err     error
		code    codes.Code
		message string
		details []proto.Message
	}{
		"built": {reasonOutOfStock.Errorf(codes.NotFound, "gone").WithRetryAfter(time.Second).WithCause(secret),
			codes.NotFound, "gone", []proto.Message{echotest.OutOfStock(nil), &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}}},
		"built and wrapped": {fmt.Errorf("%v: %w", secret, reasonOutOfStock.Errorf(codes.NotFound, "gone")),
			codes.NotFound, "gone", []proto.Message{echotest.OutOfStock(nil)}},
		"debug info": {echotest.StatusError(t, codes.Internal, "broken", &errdetails.DebugInfo{Detail: secret.Error()}, echotest.OutOfStock(nil), &errdetails.DebugInfo{}),
			codes.Internal, "broken", []proto.Message{echotest.OutOfStock(nil)}},
		"only debug info": {reasonOutOfStock.Errorf(codes.Aborted, "no").WithDetail(&errdetails.DebugInfo{Detail: secret.Error()}),
			codes.Aborted, "no", []proto.Message{echotest.OutOfStock(nil)}},
		"of another service": {rpcerr.Wrap(echotest.StatusError(t, codes.NotFound, secret.Error(), echotest.OutOfStock(nil)), "check inventory"),
			codes.NotFound, "check inventory: not found", []proto.Message{echotest.OutOfStock(nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { return test.err }), server.WithLogger(log.Logger(slog.LevelInfo)))
			for _, call := range echotest.Kinds {
				echotest.WantStatus(t, call(echotest.Context(t), srv.Conn), test.code, test.message, test.details...)
			}
			if err := srv.Stop(); err != nil { // all records are out
				t.Error(err)
			}
			echotest.CheckRecords(t, log, test.code, test.err.Error())
		})
	}
}
