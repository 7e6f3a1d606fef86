package validate_test

import (
	"io/fs"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime"
	ours "github.com/grpcservice/grpcservice/runtime/validate"
)

// compiled returns the message M of a proto. Its options are those of descriptors that are read at
// run time: unknown fields, or dynamic messages.
func compiled(t testing.TB, body string) protoreflect.MessageDescriptor {
	t.Helper()
	rules := protodesc.ToFileDescriptorProto(validate.File_buf_validate_validate_proto)
	source := `edition = "2023"; package test.v1; import "buf/validate/validate.proto";
		import "google/protobuf/any.proto"; import "google/protobuf/descriptor.proto";` + body
	resolver := protocompile.WithStandardImports(protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		if path == "buf/validate/validate.proto" {
			return protocompile.SearchResult{Proto: rules}, nil
		}
		if path != "test.proto" {
			return protocompile.SearchResult{}, fs.ErrNotExist
		}
		return protocompile.SearchResult{Source: strings.NewReader(source)}, nil
	}))
	files, err := (&protocompile.Compiler{Resolver: resolver}).Compile(t.Context(), "test.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("M")
}

// TestRulesThatDoNotCompile checks that such rules are an error of registration that names the
// message, the field and the rule.
func TestRulesThatDoNotCompile(t *testing.T) {
	for body, want := range map[string][]string{
		`message M { string a = 1 [(buf.validate.field).cel = {id: "a.size", expression: "this.sise() > 1"}]; }`:                            {"test.v1.M.a do not compile", "a.size", "sise"},
		`message M { string a = 1 [(buf.validate.field).cel_expression = "this >"]; }`:                                                      {"test.v1.M.a", "Syntax error"},
		`message M { string a = 1 [(buf.validate.field).int32.gt = 1]; }`:                                                                   {"test.v1.M.a", "expected rule"},
		`message M { string a = 1 [(buf.validate.field).string.pattern = "("]; }`:                                                           {"test.v1.M.a", "missing closing"},
		`message M { string a = 1 [(buf.validate.field).cel = {id: "re", expression: "this.matches('(')"}]; }`:                              {"test.v1.M.a", "re", "missing closing"},
		`message M { option (buf.validate.message).cel = {id: "m", expression: "this.b == 1"}; string a = 1; }`:                             {"test.v1.M do not", "undefined field"},
		`message M { option (buf.validate.message).cel = {id: "m", expression: "1 + 1"}; string a = 1; }`:                                   {"test.v1.M do not", "wanted either bool or string"},
		`message M { option (buf.validate.message).oneof = {fields: ["b"]}; string a = 1; }`:                                                {"test.v1.M do not", "field b not found"},
		`message M { N n = 1; } message N { repeated M m = 1; map<string, string> k = 2 [(buf.validate.field).map.values.int32.gt = 1]; }`:  {"test.v1.N.k", "expected rule"},
		`message M { N n = 1; } message N { M m = 1; string k = 2 [(buf.validate.field).cel_expression = "x"]; }`:                           {"test.v1.N.k", "undeclared"},
		`message M { string a = 1 [(buf.validate.field).cel_expression = "x"]; string b = 2 [(buf.validate.field).cel_expression = "y"]; }`: {"test.v1.M.a", "test.v1.M.b"},
		`message M { repeated string a = 1 [(buf.validate.field).repeated.items.cel_expression = "this > 1"]; }`:                            {"test.v1.M.a", "no matching overload"},
		`extend buf.validate.StringRules { bool odd = 90000 [(buf.validate.predefined).cel = {id: "odd", expression: "true"}]; }
		 message M { string a = 1 [(buf.validate.field).string.(odd) = true]; }`: {"test.v1.M.a", "unknown rules"},
	} {
		check, err := ours.New().Bind(runtime.MethodInfo{}, compiled(t, body))
		if check != nil || err == nil {
			t.Errorf("%s: no error", body)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", body, err, part)
			}
		}
	}
}

// TestRulesThatMayFail checks that rules that cannot be evaluated with an empty message compile.
func TestRulesThatMayFail(t *testing.T) {
	for _, body := range []string{
		`message M { repeated int32 a = 1; option (buf.validate.message).cel_expression = "this.a[0] > 1"; }`,
		`message M { int32 a = 1 [(buf.validate.field).cel_expression = "1 / this > 1"]; }`,
		`message M { string a = 1; string b = 2; option (buf.validate.message).cel_expression = "this.a.matches(this.b)"; }`,
		`message M { M m = 1 [(buf.validate.field).required = true]; }`,
	} {
		if check, err := ours.New().Bind(runtime.MethodInfo{}, compiled(t, body)); check == nil || err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestDynamicMessages checks rules that are read from descriptors at run time, and where there are
// none.
func TestDynamicMessages(t *testing.T) {
	for body, ruled := range map[string]bool{
		`message M { string a = 1; }`: false,
		`message M { google.protobuf.Any a = 1; M m = 2; map<string, M> n = 3; }`:                                                                 false,
		`message M { string a = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }`:                                                               false,
		`message M { N n = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; } message N { string a = 1 [(buf.validate.field).required = true]; }`: false,
		`message M { repeated N n = 1; } message N { oneof o { option (buf.validate.oneof).required = true; string a = 1; } }`:                    true,
		`message M { map<int32, N> n = 1; } message N { string a = 1 [(buf.validate.field).required = true]; }`:                                   true,
		`message M { oneof o { N n = 1; } } message N { map<string, string> a = 1 [(buf.validate.field).map.min_pairs = 1]; }`:                    true,
	} {
		desc := compiled(t, body)
		check, err := ours.New().Bind(runtime.MethodInfo{}, desc)
		if err != nil || (check != nil) != ruled {
			t.Errorf("%s: check %t, %v", body, check != nil, err)
		}
		if check != nil {
			want(t, check, dynamicpb.NewMessage(desc), "")
		}
	}
	desc := compiled(t, `message M { M m = 1 [(buf.validate.field).required = true]; }`)
	check := bind(t, dynamicpb.NewMessage(desc))
	want(t, check, dynamicpb.NewMessage(desc), "m required")
	other := dynamicpb.NewMessage(compiled(t, `message M { M m = 1; }`))
	if err := check(t.Context(), other); err == nil || !strings.Contains(err.Error(), "not the registered") {
		t.Errorf("a request of another descriptor: %v", err)
	}
}
