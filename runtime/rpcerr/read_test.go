package rpcerr_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// typeURL starts the names of types in details.
const typeURL = "type.googleapis.com/google.rpc."

// damaged returns an error with details that no decent server sends, before those that a decent one
// does.
func damaged(t *testing.T, details ...proto.Message) error {
	t.Helper()
	p := &spb.Status{Code: int32(codes.Aborted)}
	for _, name := range []string{"ErrorInfo", "BadRequest", "RetryInfo", "Nonsense", ""} {
		p.Details = append(p.Details, &anypb.Any{TypeUrl: typeURL + name, Value: []byte("\xff\xff\xff")})
	}
	p.Details = append(p.Details, nil, new(anypb.Any))
	return status.ErrorProto(appendDetails(t, p, details...))
}

func appendDetails(t *testing.T, p *spb.Status, details ...proto.Message) *spb.Status {
	t.Helper()
	for _, detail := range details {
		packed, err := anypb.New(detail)
		if err != nil {
			t.Fatal(err)
		}
		p.Details = append(p.Details, packed)
	}
	return p
}

func TestReadNothing(t *testing.T) {
	for name, err := range map[string]error{
		"nil": nil, "plain": errors.New("x"), "no details": status.Error(codes.NotFound, "x"), "damaged": damaged(t), "of OK": okError{},
		"empty": damaged(t, &errdetails.ErrorInfo{}, &errdetails.BadRequest{}, &errdetails.RetryInfo{}),
	} {
		if reason := rpcerr.ReasonOf(err); reason != "" {
			t.Errorf("%s: ReasonOf = %q", name, reason)
		}
		if violations := rpcerr.FieldViolations(err); violations != nil {
			t.Errorf("%s: FieldViolations = %v", name, violations)
		}
		if wait, ok := rpcerr.RetryAfter(err); ok || wait != 0 {
			t.Errorf("%s: RetryAfter = %v, %v", name, wait, ok)
		}
		if help, ok := rpcerr.Detail[*errdetails.Help](err); ok || help != nil {
			t.Errorf("%s: Detail = %v, %v", name, help, ok)
		}
		if any, ok := rpcerr.Detail[proto.Message](err); ok || any != nil {
			t.Errorf("%s: Detail of no type = %v, %v", name, any, ok)
		}
	}
}

func TestReadDuplicates(t *testing.T) {
	violation := func(field string) *errdetails.BadRequest {
		return &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field}}}
	}
	err := fmt.Errorf("call: %w", damaged(t, echotest.OutOfStock(nil), &errdetails.ErrorInfo{Domain: "d", Reason: "R"}, violation("a"), violation("b"),
		&errdetails.RetryInfo{RetryDelay: durationpb.New(-time.Second)}, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)}, &errdetails.RequestInfo{RequestId: "1"}, &errdetails.RequestInfo{RequestId: "2"}))
	if reason := rpcerr.ReasonOf(err); reason != reasonOutOfStock {
		t.Errorf("ReasonOf = %q", reason)
	}
	if diff := cmp.Diff([]rpcerr.FieldViolation{{Field: "a"}, {Field: "b"}}, rpcerr.FieldViolations(err)); diff != "" {
		t.Errorf("the violations differ (-want +got):\n%s", diff)
	}
	if wait, ok := rpcerr.RetryAfter(err); !ok || wait != time.Second {
		t.Errorf("RetryAfter = %v, %v", wait, ok)
	}
	if info, ok := rpcerr.Detail[*errdetails.RequestInfo](err); !ok || info.GetRequestId() != "1" {
		t.Errorf("Detail = %v, %v", info, ok)
	}
}

func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		delay *durationpb.Duration
		want  time.Duration
		ok    bool
	}{
		"at once":      {durationpb.New(0), 0, true},
		"10000 years":  {&durationpb.Duration{Seconds: 315_576_000_000}, math.MaxInt64, true},
		"overflow":     {&durationpb.Duration{Seconds: math.MaxInt64}, 0, false},
		"in the past":  {durationpb.New(-1), 0, false},
		"mixed signs":  {&durationpb.Duration{Seconds: 1, Nanos: -1}, 0, false},
		"nanos beyond": {&durationpb.Duration{Nanos: math.MaxInt32}, 0, false},
	} {
		err := echotest.StatusError(t, codes.Unavailable, "x", &errdetails.RetryInfo{RetryDelay: test.delay})
		if wait, ok := rpcerr.RetryAfter(err); wait != test.want || ok != test.ok {
			t.Errorf("%s: RetryAfter = %v, %v, want %v, %v", name, wait, ok, test.want, test.ok)
		}
	}
}

// TestReasonsAreOfOneDomain checks that no other domain can pass for the runtime's or for a
// generated reason.
func TestReasonsAreOfOneDomain(t *testing.T) {
	for _, test := range []struct {
		domain, name string
		want         rpcerr.Reason
	}{
		{rpcerr.ErrorDomain, "RATE_LIMITED", rpcerr.ReasonRateLimited},
		{"library.example.com", "OUT_OF_STOCK", reasonOutOfStock},
		{"", "RATE_LIMITED", "/RATE_LIMITED"},
		{rpcerr.ErrorDomain, "library.example.com/OUT_OF_STOCK", "grpcservice/library.example.com/OUT_OF_STOCK"},
	} {
		got := rpcerr.ReasonOf(echotest.StatusError(t, codes.Aborted, "x", &errdetails.ErrorInfo{Domain: test.domain, Reason: test.name}))
		if got != test.want || got.Domain() != test.domain || got.Name() != test.name {
			t.Errorf("ReasonOf(%q, %q) = %q of %q and %q, want %q", test.domain, test.name, got, got.Domain(), got.Name(), test.want)
		}
	}
}
