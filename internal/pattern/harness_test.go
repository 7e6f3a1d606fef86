package pattern_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/google/go-cmp/cmp"
	_ "google.golang.org/genproto/googleapis/rpc/status" // google/rpc/status.proto
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/operation"
	"github.com/grpcservice/grpcservice/internal/pattern/page"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// header is the start of every test proto.
const header = `syntax = "proto3";
package shop.v1;
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/field_mask.proto";
import "google/rpc/status.proto";
import "standins.proto";
import "longrunning.proto";
`

// standIns declares options with the field numbers of those of google.api and google.longrunning;
// detection uses only the numbers.
const standIns = `syntax = "proto3";
package standins;
import "google/protobuf/descriptor.proto";
extend google.protobuf.MethodOptions { Info operation_info = 1049; Rule http = 72295728; }
extend google.protobuf.MessageOptions { Resource resource = 1053; }
extend google.protobuf.FieldOptions { repeated int32 behavior = 1052; Format info = 291403980; Reference reference = 1055; Part operation_field = 1149; }
enum Part { NONE = 0; NAME = 1; STATUS = 2; ERROR_CODE = 3; ERROR_MESSAGE = 4; }
message Info { string response_type = 1; string metadata_type = 2; }
message Rule { string get = 2; string post = 4; }
message Resource { string type = 1; }
message Reference { string type = 1; }
message Format { int32 format = 1; }
`

// longrunning declares the messages of google.longrunning under their names, with the fields that
// detection uses.
const longrunning = `syntax = "proto3";
package google.longrunning;
import "google/protobuf/any.proto";
import "google/rpc/status.proto";
message Operation {
  string name = 1; google.protobuf.Any metadata = 2; bool done = 3;
  oneof result { google.rpc.Status error = 4; google.protobuf.Any response = 5; }
}
message GetOperationRequest { string name = 1; }
message WaitOperationRequest { string name = 1; }
`

// compile compiles a proto without a header.
func compile(t testing.TB, text string) protoreflect.FileDescriptor {
	t.Helper()
	file, err := compileAll(t, map[string]string{"test.proto": header + text, "standins.proto": standIns, "longrunning.proto": longrunning})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func compileAll(t testing.TB, files map[string]string) (linker.File, error) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)},
		protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			file, err := protoregistry.GlobalFiles.FindFileByPath(path)
			if err != nil {
				return protocompile.SearchResult{}, fs.ErrNotExist
			}
			return protocompile.SearchResult{Desc: file}, nil
		}),
	})}
	compiled, err := compiler.Compile(t.Context(), "test.proto")
	if err != nil {
		return nil, err
	}
	return compiled[0], nil
}

// methodOf returns a method of the first service of a file: the one with a name, or the first if
// name is empty.
func methodOf(t testing.TB, file protoreflect.FileDescriptor, name string) protoreflect.MethodDescriptor {
	t.Helper()
	methods := file.Services().Get(0).Methods()
	if name == "" {
		return methods.Get(0)
	}
	if m := methods.ByName(protoreflect.Name(name)); m != nil {
		return m
	}
	t.Fatalf("no method %s", name)
	return nil
}

// policyOf parses a policy in the text format of options.
func policyOf(t testing.TB, text string) *grpcservicev1.Policy {
	t.Helper()
	p := &grpcservicev1.Policy{}
	if err := prototext.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// finder returns a function that finds the messages of a file and of its imports.
func finder(file protoreflect.FileDescriptor) func(protoreflect.FullName) protoreflect.MessageDescriptor {
	return func(name protoreflect.FullName) protoreflect.MessageDescriptor {
		files := []protoreflect.FileDescriptor{file}
		for i := range file.Imports().Len() {
			files = append(files, file.Imports().Get(i).FileDescriptor)
		}
		for _, f := range files {
			if m := messageIn(f.Messages(), name); m != nil {
				return m
			}
		}
		return nil
	}
}

// messageIn returns a message of a list, or one that is nested in a message of the list.
func messageIn(list protoreflect.MessageDescriptors, name protoreflect.FullName) protoreflect.MessageDescriptor {
	for i := range list.Len() {
		if m := list.Get(i); m.FullName() == name {
			return m
		} else if m := messageIn(m.Messages(), name); m != nil {
			return m
		}
	}
	return nil
}

func detect(t testing.TB, file protoreflect.FileDescriptor, method, said, others string) pattern.Result {
	t.Helper()
	m := methodOf(t, file, method)
	checkReads(t, table.Patterns(), m, pattern.Detect(table.Patterns(), m, nil, finder(file), nil))
	return pattern.Detect(table.Patterns(), m, policyOf(t, said), finder(file),
		func(protoreflect.MethodDescriptor) *grpcservicev1.Policy { return policyOf(t, others) })
}

// testCase is a proto and the expected result.
type testCase struct {
	name   string
	proto  string
	method string // the first one if empty
	said   string
	others string // the policy of the other methods
	want   string // the expected output of describe
}

func run(t *testing.T, cases []testCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := describe(detect(t, compile(t, c.proto), c.method, c.said, c.others))
			want := strings.TrimSpace(strings.ReplaceAll(c.want, "\t", ""))
			if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// found returns what a pattern found in a method, or nil.
func found[F pattern.Found](r pattern.Result) (none F) {
	for _, match := range r.Matches {
		if f, ok := match.Found.(F); ok {
			return f
		}
	}
	return none
}

// describe formats a result, one line per fact.
func describe(r pattern.Result) string {
	var b strings.Builder
	if p := found[*page.Page](r); p != nil {
		fmt.Fprintf(&b, "page%s\n", fieldsOf("items", p.Items, "size", p.Size, "token", p.Token, "next", p.NextToken, "total", p.Total,
			"skip", p.Skip, "id", p.IdempotencyKey, "vary", p.Vary, "map", p.Map))
	}
	if p := found[*batch.Batch](r); p != nil {
		b.WriteString(describeBatch(p))
	}
	if o := found[*operation.Operation](r); o != nil {
		fmt.Fprintf(&b, "operation%s\n", fieldsOf("result", o.Result, "metadata", o.Metadata, "id", o.IdempotencyKey, "validate", o.ValidateOnly,
			"conflict", o.ConflictKey, "failed", o.FailedRequests))
		fmt.Fprintf(&b, "fields%s\n", describeFields(o.Message))
		if o.Children != nil {
			b.WriteString(describeBatch(o.Children))
		}
	}
	if g := found[*operation.Getter](r); g != nil {
		fmt.Fprintf(&b, "getter name=%s%s\n", g.Name, describeStatus(g.Message))
	}
	if a := found[*operation.Action](r); a != nil {
		fmt.Fprintf(&b, "action=%s name=%s%s\n", a.Verb, a.Name, describeStatus(a.Message))
	}
	if r := found[*idempotency.Key](r); r != nil {
		fmt.Fprintf(&b, "request_id%s\n", fieldsOf("field", r.Field, "uuid4", r.UUID4, "required", r.Required))
	}
	for _, match := range r.Matches {
		if match.Pattern.Kinds&pattern.Unary == 0 {
			fmt.Fprintf(&b, "%s%s\n", match.Pattern.Name, sortedFields(match.Found.Fields()))
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s, %s: %s%s\n", f.Pattern, f.Level, f.Reason, fieldsOf("advice", f.Advice))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem: %s: %s\n", p.Field, p.Text)
	}
	return b.String()
}

// sortedFields formats fields, sorted by name.
func sortedFields(fields map[string]any) string {
	var pairs []any
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, name, fields[name])
	}
	return fieldsOf(pairs...)
}

func describeBatch(of *batch.Batch) string {
	single := ""
	if of.Single != nil {
		single = string(of.Single.Name())
	}
	return fmt.Sprintf("batch mode=%v%s\n", of.Mode, fieldsOf("children", of.Children, "results", of.Results, "missing", of.Missing,
		"status", of.Status, "value", of.Value, "hoisted", of.Hoisted, "single", single, "id", of.IdempotencyKey))
}

func describeFields(f operation.Message) string {
	return fieldsOf("name", f.Name, "done", f.Done, "error", f.Error, "response", f.Response, "metadata", f.Metadata) + describeStatus(f)
}

func describeStatus(f operation.Message) string {
	if f.Status == nil {
		return ""
	}
	return fieldsOf("status", f.Status.Field, "done", f.Status.Done, "failed", f.Status.Failed,
		"pending", f.Status.Pending, "running", f.Status.Running, "code", f.Status.ErrorCode)
}

// fieldsOf formats pairs of name and value, and omits empty values.
func fieldsOf(pairs ...any) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		text := ""
		switch v := pairs[i+1].(type) {
		case protoreflect.MessageDescriptor:
			text = string(v.FullName())
		case []string:
			text = strings.Join(v, ",")
		case nil, bool:
			text = strings.TrimPrefix(strings.TrimPrefix(fmt.Sprint(v), "false"), "<nil>")
		default:
			text = fmt.Sprint(v)
		}
		if text != "" {
			fmt.Fprintf(&b, " %v=%s", pairs[i], text)
		}
	}
	return b.String()
}
