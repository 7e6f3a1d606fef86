package grpcotel

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestConventionsOf(t *testing.T) {
	current, old := conventions{current: true}, conventions{old: true}
	for optIn, want := range map[string]conventions{
		"": current, "rpc": current, "http,database": current, "rpc/old": old, "http, rpc/old ": old,
		"rpc/dup": {true, true}, "rpc,rpc/dup": {true, true}, "rpc/old,rpc/dup": {true, true},
		"rpc/dup,rpc/old": {true, true}, "RPC/OLD": current,
	} {
		if got := conventionsOf(optIn); got != want {
			t.Errorf("%q selects %+v, want %+v", optIn, got, want)
		}
	}
}

func TestUnknownMethodIsThatOfServers(t *testing.T) {
	if unknownMethod != server.UnknownMethod {
		t.Errorf("the unknown method is %q, want %q", unknownMethod, server.UnknownMethod)
	}
}

// TestCodeNames compares with grpc, which reads these names from JSON.
func TestCodeNames(t *testing.T) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		var read codes.Code
		if err := read.UnmarshalJSON([]byte(`"` + codeName(code) + `"`)); err != nil || read != code {
			t.Errorf("%v is named %q: %v", code, codeName(code), err)
		}
	}
	for _, code := range []codes.Code{17, 1 << 31, 1<<32 - 1} {
		if codeName(code) != "_OTHER" || slotOf(code) != codeCount-1 || !serverFailed(code) {
			t.Errorf("%d is %q in slot %d", code, codeName(code), slotOf(code))
		}
	}
}

func TestTargetAttributes(t *testing.T) {
	for target, want := range map[string][]string{
		"":                            nil,
		"dns:///books:8443":           {"books", "8443"},
		"dns://1.1.1.1/books:8443":    {"books", "8443"},
		"passthrough:///[::1]:80":     {"::1", "80"},
		"127.0.0.1:80":                {"127.0.0.1", "80"},
		"books":                       {"books"},
		"dns:books:1":                 {"books", "1"},
		"unix:/run/books.sock":        {"/run/books.sock"},
		"unix:///run/books.sock":      {"/run/books.sock"},
		"unix-abstract:books":         {"books"},
		"xds:///books":                {"books"},
		"dns:///books:https":          {"books:https"},
		"dns:///":                     nil,
		"passthrough:///:80":          {":80"},
		"dns:///books\xff:8443":       {"books\uFFFD", "8443"},
		"kubernetes:///books.ns:8443": {"books.ns", "8443"},
	} {
		var got []string
		for _, a := range targetAttributes(target) {
			got = append(got, a.Value.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", target, got, want)
		}
	}
}
