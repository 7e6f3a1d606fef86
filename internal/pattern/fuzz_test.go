package pattern_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/page"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// FuzzDetect checks that no descriptor and no policy makes Detect panic, that its results are
// complete, and that it is deterministic.
func FuzzDetect(f *testing.F) {
	for _, seed := range []struct{ proto, said string }{
		{list("ListUsers", pageRequest, `repeated User users = 1; map<string, User> m = 3;`+nextToken), `page: {items: "users"}`},
		{users("BatchGetUsers", `repeated int32 user_ids = 1;`, `map<int32, User> users = 1; repeated int32 not_found = 2;`, ``), `batch: {mode: MODE_KEYED}`},
		{users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated Result results = 1;`, ``), `batch: {children: "a.b..c", results: ""}`},
		{users("BatchCreateUsers", `repeated CreateUserRequest requests = 2; string request_id = 3;`, `repeated User users = 1;`, ``), `idempotency_key: {field: "x.y"}`},
		{jobs("Export", ``, `string request_id = 1;`, own), `operation: {response_type: "..", conflict_key: "a"}`},
		{streamMessages + `message Req { string position = 1; int32 limit = 2; } service S { rpc Watch(Req) returns (stream Event); }`,
			`search {limit: "limit"} subscription {position: "position" next_position: "a..b"}`},
		{streamMessages + `message Req { oneof p { Plain head = 1; bytes data = 2; } } service S { rpc Upload(stream Req) returns (Summary); rpc Talk(stream Req) returns (stream Plain); }`,
			`upload {name: "head.text" offset: ""} handshake {arm: "head"} room {key: "data"} bulk {off: false}`},
		{jobs("GetOperation", ``, `string name = 1;`, own), `operation: {off: true}`},
	} {
		raw, err := proto.Marshal(protodesc.ToFileDescriptorProto(compile(f, seed.proto)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, seed.said)
	}
	f.Fuzz(func(t *testing.T, raw []byte, said string) {
		text := &descriptorpb.FileDescriptorProto{}
		if proto.Unmarshal(raw, text) != nil {
			return
		}
		file, err := protodesc.FileOptions{AllowUnresolvable: true}.New(text, protoregistry.GlobalFiles)
		if err != nil {
			return
		}
		policy := &grpcservicev1.Policy{}
		if prototext.Unmarshal([]byte(said), policy) != nil {
			policy = nil
		}
		before, _ := proto.Marshal(policy)
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				method := file.Services().Get(i).Methods().Get(j)
				result := pattern.Detect(table.Patterns(), method, policy, finder(file), nil)
				checkWhole(t, result)
				checkReads(t, table.Patterns(), method, pattern.Detect(table.Patterns(), method, nil, finder(file), nil))
				if diff := cmp.Diff(describe(result), describe(pattern.Detect(table.Patterns(), method, policy, finder(file), nil))); diff != "" {
					t.Errorf("%s is found to be something else the second time:\n%s", method.FullName(), diff)
				}
			}
		}
		if after, _ := proto.Marshal(policy); !bytes.Equal(before, after) {
			t.Error("the policy has changed")
		}
	})
}

// checkWhole checks that a result has everything that code generation needs.
func checkWhole(t *testing.T, r pattern.Result) {
	t.Helper()
	has := make(map[string]bool)
	helpers := 0
	for _, match := range r.Matches {
		has[match.Pattern.Name] = true
		if !match.Pattern.Beside {
			helpers++
		}
	}
	sure := make(map[string]bool)
	for _, f := range r.Findings {
		if f.Level > pattern.Possible {
			sure[f.Pattern] = true
		}
		if _, ok := r.Find(f.Pattern); !ok {
			t.Errorf("there is no finding of %s", f.Pattern)
		}
		if f.Reason == "" || f.Level < pattern.Possible || f.Level > pattern.Declared || f.Level >= pattern.Certain && f.Advice != "" {
			t.Errorf("a finding is not whole: %+v", f)
		}
	}
	for _, p := range table.Patterns() {
		if has[p.Name] != sure[p.Name] {
			t.Errorf("%s: is there: %v, has a finding: %v\n%s", p.Name, has[p.Name], sure[p.Name], describe(r))
		}
	}
	if helpers > 1 {
		t.Errorf("a method has %d patterns:\n%s", helpers, describe(r))
	}
	if p := found[*page.Page](r); p != nil && (len(p.Items) == 0 || len(p.Token) != 0 && len(p.NextToken) == 0 || len(p.Token) == 0 && len(p.Skip) == 0) {
		t.Errorf("a page is not whole:\n%s", describe(r))
	}
	if b := found[*batch.Batch](r); b != nil && (len(b.Children) == 0 || (len(b.Results) == 0) != (b.Mode == batch.Done) || (b.Mode == batch.PerItem) != (len(b.Value) > 0)) {
		t.Errorf("a batch is not whole:\n%s", describe(r))
	}
}
