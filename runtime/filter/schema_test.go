package filter_test

import (
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// userProto has a field of each kind that a filter can compare.
const userProto = `
	edition = "2023";
	package test.v1;
	import "google/protobuf/any.proto";
	import "google/protobuf/duration.proto";
	import "google/protobuf/struct.proto";
	import "google/protobuf/timestamp.proto";
	import "google/protobuf/wrappers.proto";
	option features.field_presence = IMPLICIT;
	message User {
		string name = 1;
		int32 age = 2;
		int64 big = 3;
		uint64 count = 4;
		float ratio = 5;
		double score = 6;
		bool active = 7;
		State state = 8;
		bytes data = 9;
		string nick_name = 10 [features.field_presence = EXPLICIT];
		Address address = 11;
		repeated string tags = 12;
		repeated Address homes = 13;
		map<string, string> labels = 14;
		map<int32, Address> by_id = 15;
		google.protobuf.Timestamp created = 16;
		google.protobuf.Duration delay = 17;
		google.protobuf.Int32Value limit = 18;
		google.protobuf.Struct extra = 19;
		google.protobuf.Any detail = 20;
		string password = 21 [debug_redact = true];
		repeated int64 numbers = 22;
		uint32 small = 23;
		google.protobuf.Value json = 24;
		repeated google.protobuf.Any details = 25;
		google.protobuf.ListValue list = 26;
		User manager = 27;
		google.protobuf.StringValue title = 28;
	}
	enum State {
		STATE_UNSPECIFIED = 0;
		STATE_OPEN = 1;
		STATE_CLOSED = 2;
	}
	message Address {
		string city = 1;
		int32 zip = 2;
		Country country = 3;
	}
	message Country {
		string code = 1;
		string secret = 2 [debug_redact = true];
	}`

// userDescriptor compiles userProto into a new descriptor.
func userDescriptor(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	source := protocompile.SourceAccessorFromMap(map[string]string{"user.proto": userProto})
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: source})}
	files, err := compiler.Compile(t.Context(), "user.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("User")
}

// message decodes a message from JSON.
func message(t testing.TB, descriptor protoreflect.MessageDescriptor, json string) proto.Message {
	t.Helper()
	m := dynamicpb.NewMessage(descriptor)
	if err := protojson.Unmarshal([]byte(json), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// ada is a message with every field set.
const ada = `{
	"name": "Ada Lovelace", "age": 36, "big": "-9007199254740993", "count": "18446744073709551615", "ratio": 0.1, "score": 2.5, "active": true,
	"state": "STATE_OPEN", "data": "AQI=", "nickName": "", "address": {"city": "London", "zip": 7, "country": {"code": "GB", "secret": "agent"}},
	"tags": ["maths", "poetry"], "homes": [{"city": "London"}, {"city": "Paris", "zip": 75, "country": {"code": "FR"}}],
	"labels": {"tier": "gold", "a.b": "dotted", "empty": ""}, "byId": {"-3": {"city": "Rome"}},
	"created": "2012-04-21T11:30:00.5Z", "delay": "1.5s", "limit": 0, "password": "hunter2", "numbers": ["1", "42"], "small": 4000000000,
	"extra": {"x": 1.5, "s": "str", "t": true, "n": null, "o": {"deep": "down"}, "l": [1, {"k": "v"}]},
	"detail": {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BROKEN", "metadata": {"zone": "eu"}},
	"details": [{"@type": "type.googleapis.com/google.rpc.DebugInfo", "detail": "d"}, {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "x.org"}],
	"json": "text", "list": [1, "two"], "title": "Countess"
}`

func TestSchemaPathsMustExist(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []string
		ok      bool
	}{
		{"fields", []string{"name", "address.city", "homes.city", "by_id.city", "labels"}, true},
		{"unknown", []string{"nam"}, false},
		{"within a scalar", []string{"name.first"}, false},
		{"empty", []string{""}, false},
	} {
		_, err := forUser(t, userDescriptor(t), test.options).Parse("filter", "")
		if test.ok != (err == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "test.v1.User has no field") || strings.Contains(publicText(err), "User")) {
			t.Errorf("%s: the log has %q, the caller %q", test.name, err, publicText(err))
		}
	}
}
