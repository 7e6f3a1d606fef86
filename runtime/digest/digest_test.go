package digest_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/digest"
)

// New is what the newest server knows, Old what one knew a while ago, and None what one knows to
// whom all of it is new. Fields that are new lie between, before and after those that are not.
const versions = `
message New {
  string early = 1;
  string parent = 2;
  map<string, Thing> things = 3;
  int32 count = 4;
  Thing thing = 5;
  oneof choice {
    string late_choice = 19;
    bool early_choice = 6;
  }
  repeated int64 ids = 7;
  Thing grouped = 8 [features.message_encoding = DELIMITED];
  map<int32, string> names = 9;
  bytes data = 20;
}
message Thing {
  string title = 1;
  oneof size { int32 exact = 7; string rough = 2; }
  map<string, string> labels = 3;
  Thing inner = 4;
  repeated Thing more = 5;
  double weight = 6;
}
message Old {
  string parent = 2;
  int32 count = 4;
  OldThing thing = 5;
  repeated int64 ids = 7;
}
message OldThing {
  string title = 1;
  double weight = 6;
}
message None {}
`

const full = `
early: "a" parent: "shelves/1" count: 3 early_choice: true ids: 5 ids: 4 data: "\x08\x01"
things { key: "b" value { title: "B" exact: 1 labels { key: "x" value: "1" } labels { key: "a" value: "2" } labels { key: "m" value: "3" } } }
things { key: "a" value { title: "A" inner { inner { labels { key: "q" value: "" } labels { key: "p" value: "1" } } title: "I" } } }
thing { title: "T" rough: "big" weight: 1.5 more { title: "1" exact: 4 weight: 2 } more { exact: 3 } }
grouped { title: "G" exact: 9 weight: 3 labels { key: "z" value: "1" } labels { key: "y" value: "2" } }
names { key: 3 value: "three" } names { key: -1 value: "minus" } names { key: 0 value: "" }
`

func TestServersOfTwoVersionsAgree(t *testing.T) {
	messages := compile(t, versions)
	newest := messages.ByName("New")
	msg := parse(t, newest, full)
	want := of(t, msg)
	for range 50 { // maps are in another order each time
		wire := encode(t, msg)
		for _, name := range []protoreflect.Name{"New", "Old", "None"} {
			if got := of(t, decode(t, messages.ByName(name), wire)); got != want {
				t.Fatalf("a server that knows the message as %s has another digest", name)
			}
		}
	}
}

func TestFieldsInAnyOrderAreTheSame(t *testing.T) {
	desc := compile(t, versions).ByName("Old")
	thing := protowire.AppendTag(nil, 5, protowire.BytesType)
	thing = protowire.AppendBytes(thing, []byte("\x31\x00\x00\x00\x00\x00\x00\xf0\x3f\x0a\x01T")) // weight, then title
	parent := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "p")
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7)
	ab := of(t, decode(t, desc, join(thing, parent, unknown)))
	ba := of(t, decode(t, desc, join(unknown, parent, thing)))
	if ab != ba {
		t.Error("the order on the wire tells")
	}
}

func TestRequestsThatDifferHaveOtherDigests(t *testing.T) {
	messages := compile(t, versions)
	seen := map[[digest.Size]byte]string{}
	for _, text := range []string{
		"",
		`early: "a"`,
		`parent: "a"`,
		`parent: "a" count: 1`,
		`ids: 1 ids: 2`,
		`ids: 2 ids: 1`,
		`early_choice: false`,
		`late_choice: ""`,
		`data: "\x08\x01\x10\x01"`,
		`data: "\x10\x01\x08\x01"`, // bytes that look like a message are compared as bytes
		`early: "(a0b"`,
		`early: "0b(a"`,
		`thing {}`,
		`thing { inner {} }`,
		`thing { more {} }`,
		`thing { more { title: "1" } more { title: "2" } }`,
		`thing { more { title: "2" } more { title: "1" } }`,
		`thing { more { title: "a" rough: "1" } more { title: "b" rough: "2" } }`,
		`thing { more { title: "b" rough: "2" } more { title: "a" rough: "1" } }`, // a list is none of a map
		`things { key: "a" value { title: "1" } } things { key: "b" value { title: "2" } }`,
		`things { key: "a" value { title: "2" } } things { key: "b" value { title: "1" } }`,
		`names { key: 1 value: "a" }`,
		`names { key: 1 value: "b" }`,
		`grouped {}`,
	} {
		sum := of(t, parse(t, messages.ByName("New"), text))
		if other, ok := seen[sum]; ok {
			t.Errorf("%q and %q have one digest", text, other)
		}
		seen[sum] = text
	}
}

func TestSkippedFieldsDoNotCount(t *testing.T) {
	desc := compile(t, versions).ByName("New")
	withoutEarly := digest.Without([]protoreflect.FieldDescriptor{desc.Fields().ByName("early")})
	plain := sumOf(t, withoutEarly, parse(t, desc, `thing { title: "T" }`))
	if got := sumOf(t, withoutEarly, parse(t, desc, `early: "a" thing { title: "T" }`)); got != plain {
		t.Error("a field that is skipped tells")
	}
	if got := sumOf(t, withoutEarly, parse(t, desc, `early: "a" thing { title: "U" }`)); got == plain {
		t.Error("a field inside a message is skipped by the number of one at the top")
	}
	if got := of(t, parse(t, desc, `thing { title: "T" }`)); got != plain {
		t.Error("skipping what is not there tells")
	}
	if got := sumOf(t, withoutEarly, decode(t, compile(t, versions).ByName("None"), encode(t, parse(t, desc, `early: "a" thing { title: "T" }`)))); got != plain {
		t.Error("an unknown field is not skipped")
	}
}

func TestMapsInsideAnyAreOrdered(t *testing.T) {
	content, err := structpb.NewStruct(map[string]any{"a": 1, "b": map[string]any{"c": true, "d": nil, "e": "x"}, "f": []any{"2", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	var first [digest.Size]byte
	for i := range 30 {
		packed, err := anypb.New(content)
		if err != nil {
			t.Fatal(err)
		}
		sum := of(t, packed)
		if i == 0 {
			first = sum
		}
		if sum != first {
			t.Fatal("the order of a map in an Any tells")
		}
	}
}

// A field of a map's number that is no entry is unknown, and no reason to leave the map in any
// order.
func TestMapsBesideWhatIsNoEntryAreOrdered(t *testing.T) {
	entries := []byte("\x0a\x05\x0a\x01a\x12\x00\x0a\x05\x0a\x01b\x12\x00\x0a\x05\x0a\x01c\x12\x00")
	msg := decode(t, (&structpb.Struct{}).ProtoReflect().Descriptor(), join(entries, []byte("\x08\x07")))
	want := of(t, msg)
	for range 30 {
		if of(t, msg) != want {
			t.Fatal("the order of the map tells")
		}
	}
}

func TestTextThatIsNotUTF8IsAnError(t *testing.T) {
	_, err := digest.Of(t.Context(), wrapperspb.String("\xff"))
	if err == nil || !strings.Contains(err.Error(), "google.protobuf.StringValue") {
		t.Errorf("got %v, want an error that names the message", err)
	}
}

// A message may nest as deep as the decoder allows, and what only looks like messages deeper.
func TestDeepMessages(t *testing.T) {
	value := structpb.NewNullValue()
	for range 4000 {
		value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
	}
	known := of(t, value)
	if again := of(t, proto.Clone(value)); again != known {
		t.Error("the digest of a deep message changes")
	}
	var wire []byte
	for range 100_000 {
		wire = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), wire)
		if len(wire) > 1<<16 {
			break
		}
	}
	empty := &emptypb.Empty{}
	empty.ProtoReflect().SetUnknown(wire)
	of(t, empty)
}

// What is not known is looked into as deep as messages nest that mean something, and no deeper: one
// that nests a million times must not use up the stack.
func TestDeepUnknownFields(t *testing.T) {
	nested := func(depth int, inner []byte) proto.Message {
		for range depth {
			inner = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
		}
		return unknown(inner)
	}
	ab, ba := []byte("\x10\x01\x18\x01"), []byte("\x18\x01\x10\x01")
	for depth := range 40 {
		if same := of(t, nested(depth, ab)) == of(t, nested(depth, ba)); same != (depth <= 32) {
			t.Errorf("%d messages deep, two orders of the same fields are the same: %v", depth, same)
		}
	}
}

// Groups are looked into as far as that is cheap: a request of megabytes of them must not take
// seconds.
func TestDeepGroups(t *testing.T) {
	nested := func(depth int, inner []byte) proto.Message {
		for range depth {
			inner = protowire.AppendGroup(protowire.AppendTag(nil, 1, protowire.StartGroupType), 1, inner)
		}
		return unknown(inner)
	}
	ab, ba := []byte("\x10\x01\x18\x01"), []byte("\x18\x01\x10\x01")
	for depth := range 40 {
		if same := of(t, nested(depth, ab)) == of(t, nested(depth, ba)); same != (depth <= 4) {
			t.Errorf("in %d groups, two orders of the same fields are the same: %v", depth, same)
		}
	}
}

func of(t testing.TB, msg proto.Message) [digest.Size]byte {
	t.Helper()
	return sumOf(t, new(digest.Digester), msg)
}

func sumOf(t testing.TB, d *digest.Digester, msg proto.Message) [digest.Size]byte {
	t.Helper()
	sum, err := d.Of(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
