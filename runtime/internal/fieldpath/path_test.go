package fieldpath_test

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

func TestTypedPaths(t *testing.T) {
	desc := (&subscriptionv1.SubscribeRequest{}).ProtoReflect().Descriptor()
	for name, test := range map[string]struct {
		find  func(protoreflect.MessageDescriptor, string) (fieldpath.Path, error)
		field string
		want  string // the error
	}{
		"text":              {fieldpath.Text, "position", ""},
		"no text":           {fieldpath.Text, "lines", "lines is int32, not a string or bytes"},
		"a list":            {fieldpath.Text, "event_types", "event_types is a list, not a string or bytes"},
		"no field":          {fieldpath.Text, "nope", "nope: subscription.v1.SubscribeRequest has no field nope"},
		"integer":           {fieldpath.Integer, "lines", ""},
		"wrapper":           {fieldpath.Integer, "tail", ""},
		"no integer":        {fieldpath.Integer, "level", "level is string, not an integer"},
		"another message":   {fieldpath.Integer, "since", "since is google.protobuf.Timestamp, not an integer"},
		"no integer field":  {fieldpath.Integer, "nope", "nope: subscription.v1.SubscribeRequest has no field nope"},
		"time":              {fieldpath.Timestamp, "since", ""},
		"no time":           {fieldpath.Timestamp, "tail", "tail is google.protobuf.Int64Value, not a google.protobuf.Timestamp"},
		"no message":        {fieldpath.Timestamp, "lines", "lines is int32, not a google.protobuf.Timestamp"},
		"no timestamp here": {fieldpath.Timestamp, "nope", "nope: subscription.v1.SubscribeRequest has no field nope"},
	} {
		if _, err := test.find(desc, test.field); (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func must(t *testing.T, p fieldpath.Path, err error) fieldpath.Path {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestValuesOfPaths(t *testing.T) {
	req := &subscriptionv1.SubscribeRequest{Lines: -5, Since: &timestamppb.Timestamp{Seconds: 3, Nanos: 4}}
	m, desc := req.ProtoReflect(), req.ProtoReflect().Descriptor()
	find := func(find func(protoreflect.MessageDescriptor, string) (fieldpath.Path, error), field string) fieldpath.Path {
		p, err := find(desc, field)
		return must(t, p, err)
	}
	tail, since := find(fieldpath.Integer, "tail"), find(fieldpath.Timestamp, "since")
	if n := find(fieldpath.Integer, "lines").Integer(m); n != -5 {
		t.Errorf("lines is %d", n)
	}
	if n := tail.Integer(m); n != 0 || tail.Has(m) {
		t.Errorf("an unset wrapper is %d", n)
	}
	req.Tail = wrapperspb.Int64(math.MaxInt64)
	if n := tail.Integer(m); n != math.MaxInt64 {
		t.Errorf("tail is %d", n)
	}
	if at, ok := since.Time(m); !ok || !at.Equal(time.Unix(3, 4)) {
		t.Errorf("since is %v, %v", at, ok)
	}
	for _, bad := range []*timestamppb.Timestamp{nil, {Nanos: -1}, {Nanos: 1e9}, {Seconds: 253402300800}, {Seconds: -62135596801}} {
		req.Since = bad
		if at, ok := since.Time(m); ok {
			t.Errorf("%v is the time %v", bad, at)
		}
	}
	position := find(fieldpath.Text, "position")
	position.SetText(m, "here")
	if req.GetPosition() != "here" || position.Text(m) != "here" {
		t.Errorf("position is %q", req.GetPosition())
	}
	nested := &subscriptionv1.WatchRequest{}
	p, err := fieldpath.Text(nested.ProtoReflect().Descriptor(), "start.cursor")
	cursor := must(t, p, err)
	if cursor.Text(nested.ProtoReflect()) != "" {
		t.Error("an unset field has a text")
	}
	if cursor.SetText(nested.ProtoReflect(), "x"); string(nested.GetStart().GetCursor()) != "x" {
		t.Errorf("got %v", nested)
	}
	if proto.Size(nested) == 0 {
		t.Error("nothing was set")
	}
}

func TestSetInteger(t *testing.T) {
	numbers := &subscriptionv1.SubscribeRequest{}
	wrappers := []proto.Message{
		&wrapperspb.Int32Value{}, &wrapperspb.UInt32Value{}, &wrapperspb.Int64Value{}, &wrapperspb.UInt64Value{},
	}
	for _, m := range append(wrappers, numbers) {
		name := "value"
		if m == proto.Message(numbers) {
			name = "tail" // a wrapper that is created
		}
		p, err := fieldpath.Integer(m.ProtoReflect().Descriptor(), name)
		p = must(t, p, err)
		kind := p.Last().Kind()
		for _, n := range []int64{0, 7, -7, math.MaxInt32, math.MaxUint32, math.MaxInt64, math.MinInt64} {
			fits := kind == protoreflect.Int64Kind ||
				kind == protoreflect.Int32Kind && n >= math.MinInt32 && n <= math.MaxInt32 ||
				kind == protoreflect.Uint32Kind && n >= 0 && n <= math.MaxUint32 ||
				kind == protoreflect.Uint64Kind && n >= 0
			want := p.Integer(m.ProtoReflect())
			if fits {
				want = n
			}
			if ok := p.SetInteger(m.ProtoReflect(), n); ok != fits || p.Integer(m.ProtoReflect()) != want {
				t.Errorf("%s: set %d: %t, holds %d", kind, n, ok, p.Integer(m.ProtoReflect()))
			}
		}
	}
}
