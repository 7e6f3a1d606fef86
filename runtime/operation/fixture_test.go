package operation_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// paintProto is the proto of a service that paints walls.
const paintProto = `
name: "test/paint.proto" package: "paint.v1" syntax: "proto3"
dependency: "google/protobuf/timestamp.proto" dependency: "google/rpc/status.proto"
message_type { name: "PaintRequest"
	field { name: "parent" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "request_id" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "validate_only" number: 3 type: TYPE_BOOL label: LABEL_OPTIONAL }
	field { name: "walls" number: 4 type: TYPE_STRING label: LABEL_REPEATED }
	field { name: "colour" number: 5 type: TYPE_STRING label: LABEL_OPTIONAL } }
message_type { name: "PaintMetadata"
	field { name: "create_time" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	field { name: "end_time" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	field { name: "target" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "verb" number: 4 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "requested_cancellation" number: 5 type: TYPE_BOOL label: LABEL_OPTIONAL }
	field { name: "api_version" number: 6 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "walls_done" number: 7 type: TYPE_INT32 label: LABEL_OPTIONAL }
	field { name: "failed_requests" number: 8 type: TYPE_MESSAGE type_name: ".paint.v1.PaintMetadata.FailedRequestsEntry" label: LABEL_REPEATED }
	nested_type { name: "FailedRequestsEntry" options { map_entry: true }
		field { name: "key" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
		field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".google.rpc.Status" label: LABEL_OPTIONAL } } }
`

// paintFile registers the proto, once.
var paintFile = sync.OnceValue(func() protoreflect.FileDescriptor {
	parsed := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(paintProto), parsed); err != nil {
		panic(err)
	}
	file, err := protodesc.NewFile(parsed, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	for i := range file.Messages().Len() {
		if err := protoregistry.GlobalTypes.RegisterMessage(dynamicpb.NewMessageType(file.Messages().Get(i))); err != nil {
			panic(err)
		}
	}
	return file
})

// lazy is a message whose zero value is ready to use, as that of a generated one is.
type lazy struct{ made *dynamicpb.Message }

func (l *lazy) of(name protoreflect.Name) protoreflect.Message {
	if l.made == nil {
		l.made = dynamicpb.NewMessage(paintFile().Messages().ByName(name))
	}
	return l.made.ProtoReflect()
}

type paintRequest struct{ lazy }

func (r *paintRequest) ProtoReflect() protoreflect.Message { return r.of("PaintRequest") }

type paintMetadata struct{ lazy }

func (m *paintMetadata) ProtoReflect() protoreflect.Message { return m.of("PaintMetadata") }

// set makes m what a text says.
func set[M proto.Message](t testing.TB, m M, text string) M {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// request returns a request.
func request(t testing.TB, text string) *paintRequest {
	t.Helper()
	return set(t, &paintRequest{}, text)
}

// field returns a field of a message as text.
func field(m proto.Message, name protoreflect.Name) string {
	r := m.ProtoReflect()
	return r.Get(r.Descriptor().Fields().ByName(name)).String()
}

// done sets how many walls are done.
func done(n int) func(*paintMetadata) {
	return func(m *paintMetadata) {
		m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName("walls_done"), protoreflect.ValueOfInt32(int32(n)))
	}
}

type (
	painter interface {
		Paint(context.Context, *paintRequest) (*longrunningpb.Operation, error)
	}
	paintRun    = operation.Run[paintRequest, paintMetadata]
	paintResult = wrapperspb.StringValue
	paintMethod = operation.Method[painter, paintRequest, longrunningpb.Operation, paintResult, paintMetadata]
	paintWork   = func(context.Context, *paintRun) (*paintResult, error)
)

// paintFields are the fields that would be detected.
var paintFields = operation.Fields{IdempotencyKey: "request_id", ValidateOnly: "validate_only", ConflictKey: "parent"}

// painting returns the helper of the method, with a policy.
func painting(policy runtime.Operation, fields ...operation.Fields) *paintMethod {
	return paintingWith(runtime.Policy{Operation: policy, Batch: runtime.Batch{MaxSize: 5, Concurrency: 3}}, fields...)
}

// paintingWith returns the helper of the method, with a whole policy.
func paintingWith(policy runtime.Policy, fields ...operation.Fields) *paintMethod {
	info := runtime.MethodInfo{
		Service: "paint.v1.Painter", Name: "PaintWalls", FullMethod: "/paint.v1.Painter/PaintWalls", Policy: policy,
	}
	return operation.Of[paintResult, paintMetadata](info, painter.Paint, append(fields, paintFields)[0])
}

// shop is a manager that runs in a test, and a method of it.
type shop struct {
	t      testing.TB
	store  operation.Store
	m      *operation.Manager
	method *paintMethod
	stop   func() error // ends Run and returns what it returned
}

// open opens a shop: its manager does work for operations in store until the test stops it.
func open(t testing.TB, store operation.Store, policy runtime.Operation, work paintWork, opts ...operation.Option) *shop {
	s := &shop{t: t, store: store, method: painting(policy)}
	s.m = operation.NewManager(store, append([]operation.Option{operation.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if work != nil {
		s.method.Handle(s.m, work)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.m.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ran
	})
	return s
}

// inTime runs a test whose time is not that of the clock. What it opens should be stopped by it.
func inTime(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// start starts an operation.
func (s *shop) start(ctx context.Context, text string, opts ...operation.StartOption) *longrunningpb.Operation {
	s.t.Helper()
	op, err := s.method.Start(ctx, s.m, request(s.t, text), opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	return op
}

// end waits for the end of an operation, and returns what its message says and what the store has.
func (s *shop) end(ctx context.Context, name string) (*operation.State, *operation.Record) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	record, err := s.m.Wait(ctx, name)
	if err != nil {
		s.t.Fatal(err)
	}
	state, err := record.State()
	if err != nil {
		s.t.Fatal(err)
	}
	if !state.Done {
		s.t.Fatalf("%s is not done", name)
	}
	return state, record
}

// shown returns the metadata of an operation.
func shown(t testing.TB, state *operation.State) *paintMetadata {
	t.Helper()
	m := &paintMetadata{}
	if err := state.Metadata.UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// by returns the context of a call of a principal.
func by(ctx context.Context, id string) context.Context {
	return runtime.WithOrigin(ctx, runtime.Origin{Principal: runtime.NewPrincipal(id, "paint"), RequestID: "call-of-" + id})
}

// result returns a work that returns at once.
func result(text string, err error) paintWork {
	return func(context.Context, *paintRun) (*paintResult, error) {
		if err != nil {
			return nil, err
		}
		return wrapperspb.String(text), nil
	}
}

// untilAsked is work that runs until its context ends, and returns the cause.
func untilAsked(ctx context.Context, _ *paintRun) (*paintResult, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// indexKey is the key of a map of failures.
func indexKey(i int32) protoreflect.MapKey { return protoreflect.ValueOfInt32(i).MapKey() }

func stringOf(text string) protoreflect.Value { return protoreflect.ValueOfString(text) }
