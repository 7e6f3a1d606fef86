package evolution

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// before is what callers were compiled with.
const before = `syntax = "proto3";
package shop.v1;
service UserService { rpc GetUser(GetUserRequest) returns (User); }
message GetUserRequest { int32 id = 1; }
message User {
  int32 id = 1;
  string name = 2;
  int32 age = 3;
  Role role = 4;
}
enum Role { ROLE_UNSPECIFIED = 0; ROLE_ADMIN = 1; }
`

// TestRules changes a proto by each rule of schema evolution and asks buf, with the rules of this
// example's buf.yaml, whether callers survive.
func TestRules(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // what is replaced in before
		want     string // what buf says; nothing where callers survive
	}{
		{"a new field with a number of its own", "Role role = 4;", "Role role = 4;\n  string phone = 5;", ""},
		{"a new optional field", "Role role = 4;", "Role role = 4;\n  optional string phone = 5;", ""},
		{"a new RPC", "returns (User); }", "returns (User); rpc FindUser(GetUserRequest) returns (User); }", ""},
		{"a new enum value", "ROLE_ADMIN = 1;", "ROLE_ADMIN = 1; ROLE_GUEST = 2;", ""},
		{"a field goes, its number and name reserved", "int32 age = 3;", `reserved 3; reserved "age";`, ""},

		{"a field goes without a trace", "int32 age = 3;", "", `Previously present field "3" with name "age" on message "User" was deleted without reserving the number "3"`},
		{"a number is used again", "int32 age = 3;", "string phone = 3;", `Field "3"`},
		{"a field gets another type", "string name = 2;", "bytes name = 2;", `Field "2"`},
		{"a field gets another name", "string name = 2;", "string full_name = 2;", `Field "2" with name "full_name"`},
		{"a field becomes repeated", "string name = 2;", "repeated string name = 2;", `Field "2"`},
		{"a message gets another name", "returns (User); }\nmessage GetUserRequest { int32 id = 1; }\nmessage User {",
			"returns (Person); }\nmessage GetUserRequest { int32 id = 1; }\nmessage Person {", `RPC "GetUser" on service "UserService" changed response type`},
		{"an RPC goes", "rpc GetUser(GetUserRequest) returns (User);", "", `RPC "GetUser" on service "UserService" was deleted`},
		{"a service goes", "service UserService { rpc GetUser(GetUserRequest) returns (User); }", "", `service "UserService" was deleted`},
		{"an RPC begins to stream", "returns (User);", "returns (stream User);", `changed from server unary to server streaming`},
		{"an enum value goes", "ROLE_ADMIN = 1;", "", `enum value "1"`},
	}
	buf := findBuf(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			after := strings.Replace(before, test.old, test.new, 1)
			if after == before {
				t.Fatalf("%q is not in the proto", test.old)
			}
			got := breaking(t, buf, before, after)
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("buf breaking says %q, want %q", got, test.want)
			}
		})
	}
}

// breaking returns what buf says of a change, which is nothing when callers survive it.
func breaking(t *testing.T, buf, before, after string) string {
	t.Helper()
	rules, err := os.ReadFile("../buf.yaml")
	if err != nil {
		t.Fatal(err)
	}
	was, is := project(t, string(rules), before), project(t, string(rules), after)
	cmd := exec.Command(buf, "breaking", "--against", was)
	cmd.Dir = is
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// project writes a project with one proto.
func project(t *testing.T, rules, proto string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	file := filepath.Join(dir, "proto", "shop", "v1", "user_service.proto")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{filepath.Join(dir, "buf.yaml"): rules, file: proto} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// findBuf returns the path of buf, which a laptop need not have.
func findBuf(t *testing.T) string {
	t.Helper()
	buf, err := exec.LookPath("buf")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("buf is not on PATH")
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf
}
