package pattern_test

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/batch"
	"github.com/grpcservice/grpcservice/internal/pattern/operation"
	"github.com/grpcservice/grpcservice/internal/pattern/page"
)

// TestAdviceMakesSure checks that following the advice of a finding declares the pattern.
func TestAdviceMakesSure(t *testing.T) {
	const messages = `message Page { uint32 limit = 1; string token = 2; } message Next { string next_token = 1; }`
	for name, proto := range map[string]string{
		"limit":         list("ListUsers", `int32 limit = 1; string cursor = 2;`, `repeated User users = 1; string next_cursor = 2;`),
		"nested tokens": list("ListUsers", `Page page = 1;`, `repeated User users = 1; Next page_info = 2;`) + messages,
		"offset":        list("ListUsers", `int32 limit = 1; int32 offset = 2;`, `repeated User users = 1; int64 total = 2;`),
		"side list":     list("SearchUsers", pageRequest, `repeated string errors = 1;`+nextToken),
		"two guesses":   list("Search", `int32 limit = 1; string page_token = 2;`, `repeated Book old = 3; repeated Book new = 1;`+nextToken),
		"entities":      users("BatchUpdateUsers", `repeated User users = 1; string parent = 2;`, `repeated User users = 1;`, ``),
		"several lists": users("BatchTagUsers", `repeated string whom = 1; repeated string tags = 2;`, `repeated User users = 1;`, ``),
		"a count":       users("BatchDeleteUsers", `repeated string names = 1;`, `int32 deleted = 1;`, ``),
		"lists to tell": users("BatchPut", `repeated User put = 1;`, `repeated User a = 1; repeated Group b = 2;`, ``),
		"a short list":  users("BatchGetUsers", `repeated int32 ids = 1;`, `repeated User users = 1; repeated int32 not_found = 2;`, ``),
		"by chance":     users("Greet", `repeated CreateUserRequest whom = 1;`, `repeated Group groups = 1;`, ``),
		"entities of an operation": `service S { rpc BatchPut(Req) returns (Operation); } message Req { repeated Thing things = 1; } message Thing {}
			message Operation { string name = 1; bool done = 2; google.rpc.Status error = 3; Thing result = 4; }`,
	} {
		t.Run(name, func(t *testing.T) {
			file := compile(t, proto)
			before := detect(t, file, "", "", "")
			if len(before.Findings) == 0 {
				t.Fatal("nothing is found")
			}
			var advice []string
			for _, f := range before.Findings {
				advice = append(advice, f.Advice)
			}
			if strings.Join(advice, "") == "" {
				t.Fatalf("there is no advice in %v", before.Findings)
			}
			after := detect(t, file, "", strings.Join(advice, " "), "")
			for _, f := range after.Findings {
				if f.Level < pattern.Certain {
					t.Errorf("after %s it is %s: %s", advice, f.Level, f.Reason)
				}
			}
			started := found[*operation.Operation](after)
			isBatch := found[*batch.Batch](after) != nil || started != nil && started.Children != nil
			if found[*page.Page](after) == nil && !isBatch || len(after.Problems) > 0 {
				t.Errorf("after %s:\n%s", advice, describe(after))
			}
		})
	}
}
