package validate_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/validate"
)

// good is a book without violations.
const good = `name: "books/dune" title: "Dune" person: "ada" subtitle: {value: "Messiah"} `

// parse makes m what a text states.
func parse[M proto.Message](t testing.TB, m M, text string) M {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// bind returns what a server would call for requests like m.
func bind(t testing.TB, m proto.Message) server.ValidateFunc {
	t.Helper()
	check, err := validate.New().Bind(runtime.MethodInfo{}, m.ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// violations returns the violations of an error as "field reason", joined.
func violations(t testing.TB, err error) string {
	t.Helper()
	var all []string
	if err == nil {
		return ""
	}
	if got := status.Code(err); got != codes.InvalidArgument || rpcerr.ReasonOf(err) != rpcerr.ReasonInvalidRequest {
		t.Errorf("got %v: %v", got, err)
	}
	for _, v := range fields(err) {
		all = append(all, v.GetField()+" "+v.GetReason())
	}
	return strings.Join(all, ", ")
}

func fields(err error) []*errdetails.BadRequest_FieldViolation {
	detail, _ := rpcerr.Detail[*errdetails.BadRequest](err)
	return detail.GetFieldViolations()
}

// want checks the violations of a request.
func want(t testing.TB, check server.ValidateFunc, req proto.Message, violated string) {
	t.Helper()
	if got := violations(t, check(context.Background(), req)); got != violated {
		t.Errorf("%v: got %q, want %q", req, got, violated)
	}
}
