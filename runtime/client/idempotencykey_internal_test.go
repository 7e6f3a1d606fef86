package client

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
)

// methodTaking returns a unary RPC that takes messages like req.
func methodTaking(t *testing.T, req proto.Message, p runtime.Policy) runtime.MethodInfo {
	t.Helper()
	desc := req.ProtoReflect().Descriptor()
	name := proto.String("." + string(desc.FullName()))
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("t.proto"), Package: proto.String("t"), Dependency: []string{desc.ParentFile().Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("M"), InputType: name, OutputType: name},
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	info := runtime.NewMethodInfo("t.S", "M", runtime.KindUnary, p)
	info.Descriptor = file.Services().Get(0).Methods().Get(0)
	return info
}

// sentConn keeps the requests that were sent, and fails as many calls as it should.
type sentConn struct {
	grpc.ClientConnInterface
	sent chan proto.Message
	fail int
}

func (c *sentConn) Invoke(_ context.Context, _ string, req, _ any, _ ...grpc.CallOption) error {
	c.sent <- req.(proto.Message)
	if c.fail--; c.fail >= 0 {
		return status.Error(codes.Unavailable, "not now")
	}
	return nil
}

// sentBy returns what one call sends.
func sentBy[Req any](t *testing.T, info runtime.MethodInfo, req *Req, fail int) (sent []proto.Message) {
	t.Helper()
	conn := &sentConn{sent: make(chan proto.Message, 10), fail: fail}
	if _, err := Unary[errdetails.RequestInfo](t.Context(), Bind(conn, info), req); err != nil {
		t.Fatal(err)
	}
	close(conn.sent)
	for msg := range conn.sent {
		sent = append(sent, msg)
	}
	return sent
}

var byIdempotencyKey = runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id"}}

func TestClientFillsIdempotencyKey(t *testing.T) {
	info := methodTaking(t, &errdetails.RequestInfo{}, byIdempotencyKey)
	req := &errdetails.RequestInfo{ServingData: "data"}
	req.ProtoReflect().SetUnknown(protoreflect.RawFields("\x18\x01"))
	before := proto.Clone(req)
	sent := sentBy(t, info, req, 0)[0].(*errdetails.RequestInfo)
	if !uuid.IsV4(sent.GetRequestId()) || sent.GetServingData() != "data" || string(sent.ProtoReflect().GetUnknown()) != "\x18\x01" {
		t.Errorf("sent %v, want the request with a UUID", sent)
	}
	if diff := cmp.Diff(before, req, protocmp.Transform()); diff != "" {
		t.Errorf("the caller's request was changed: %s", diff)
	}
	if again := sentBy(t, info, req, 0)[0].(*errdetails.RequestInfo); again.GetRequestId() == sent.GetRequestId() {
		t.Error("two calls have one id")
	}
	if ofNil := sentBy(t, info, (*errdetails.RequestInfo)(nil), 0)[0].(*errdetails.RequestInfo); !uuid.IsV4(ofNil.GetRequestId()) {
		t.Errorf("a nil request was sent as %v, want one with a UUID", ofNil)
	}
}

func TestClientLeavesRequestsAlone(t *testing.T) {
	required := runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id", Required: true}}
	optional := runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "json_name"}}
	for name, test := range map[string]struct {
		policy runtime.Policy
		req    proto.Message
	}{
		"the caller has an id": {policy: byIdempotencyKey, req: &errdetails.RequestInfo{RequestId: "mine"}},
		"required of callers":  {policy: required, req: &errdetails.RequestInfo{}},
		"no pattern":           {policy: runtime.Policy{}, req: &errdetails.RequestInfo{}},
		"no such field":        {policy: runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "id"}}, req: &errdetails.RequestInfo{}},
		"set to be empty":      {policy: optional, req: &descriptorpb.FieldDescriptorProto{JsonName: proto.String("")}},
	} {
		t.Run(name, func(t *testing.T) {
			info := methodTaking(t, test.req, test.policy)
			var sent proto.Message
			switch req := test.req.(type) {
			case *errdetails.RequestInfo:
				sent = sentBy(t, info, req, 0)[0]
			case *descriptorpb.FieldDescriptorProto:
				sent = sentBy(t, info, req, 0)[0]
			}
			if sent != test.req {
				t.Errorf("sent %v, want the caller's own request", sent)
			}
		})
	}
}

func TestAllAttemptsHaveOneIdempotencyKey(t *testing.T) {
	hedged := byIdempotencyKey
	hedged.Hedging = runtime.Hedging{MaxAttempts: 3, Delay: time.Hour, NonFatalCodes: []string{"UNAVAILABLE"}}
	sent := sentBy(t, methodTaking(t, &errdetails.RequestInfo{}, hedged), &errdetails.RequestInfo{}, 2)
	if len(sent) != 3 {
		t.Fatalf("%d attempts, want 3", len(sent))
	}
	for _, msg := range sent {
		if id := msg.(*errdetails.RequestInfo).GetRequestId(); id == "" || id != sent[0].(*errdetails.RequestInfo).GetRequestId() {
			t.Errorf("the attempts sent %v", sent)
		}
	}
}

// TestFilledRequestIsTheSame checks that a copy has all kinds of fields that its original has.
func TestFilledRequestIsTheSame(t *testing.T) {
	req := &apipb.Api{
		Version: "v1", Syntax: typepb.Syntax_SYNTAX_EDITIONS,
		Methods: []*apipb.Method{{Name: "A", Options: []*typepb.Option{{Name: "o"}}}, {Name: "B"}},
		Mixins:  []*apipb.Mixin{{Name: "m"}},
	}
	field := req.ProtoReflect().Descriptor().Fields().ByName("name")
	filled := withID(field, req)
	id := filled.GetName()
	filled.Name = ""
	if diff := cmp.Diff(req, filled, protocmp.Transform()); !uuid.IsV4(id) || diff != "" {
		t.Errorf("id %q, and the rest differs: %s", id, diff)
	}
}

// TestFieldsOfOneofsAreNotFilled checks that no call loses what its caller has set.
func TestFieldsOfOneofsAreNotFilled(t *testing.T) {
	value := byIdempotencyKey
	value.IdempotencyKey.Field = "string_value"
	req := structpb.NewNumberValue(1)
	if sent := sentBy(t, methodTaking(t, req, value), req, 0); !proto.Equal(sent[0], req) {
		t.Errorf("sent %v, want %v", sent[0], req)
	}
}
