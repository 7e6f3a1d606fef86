package mcp_test

import (
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/mcp"
)

const reader, writer = "ann:books.read", "bob:books.write"

// TestUnaryCall calls a unary RPC.
func TestUnaryCall(t *testing.T) {
	f := start(t)
	agent := f.agent(t, reader)
	wantJSON(t, call(t, agent, "get_book", `{"name": "books/1"}`),
		`{"name": "books/1", "title": "Moby-Dick", "pages": 0, "cover": "COVER_LINEN", "create_time": "1970-01-01T00:00:00Z"}`)
}

// TestRefusals compares what an agent reads with the errors of gRPC.
func TestRefusals(t *testing.T) {
	f := start(t)
	for _, c := range []struct{ what, token, tool, arguments, want string }{
		{"not found", reader, "get_book", `{"name": "books/2"}`, `NOT_FOUND: there is no book "books/2" (reason NO_BOOK)`},
		{"no credentials", "", "get_book", `{"name": "books/1"}`, "UNAUTHENTICATED: "},
		{"bad credentials", ":", "get_book", `{"name": "books/1"}`, "UNAUTHENTICATED: the token is malformed (reason BAD_TOKEN)"},
		{"no scope", writer, "get_book", `{"name": "books/1"}`,
			"PERMISSION_DENIED: the caller lacks a scope that the method requires (reason MISSING_SCOPE)"},
		{"required", reader, "get_book", `{}`, "- name: "},
		{"no arguments", reader, "get_book", `null`, "- name: "},
		{"unknown field", reader, "get_book", `{"name": "books/1", "x": 1}`, `unknown field "x" (reason INVALID_REQUEST)`},
		{"wrong type", reader, "get_book", `{"name": 5}`, "(reason INVALID_REQUEST)"},
		{"twice", reader, "get_book", `{"name": "a", "name": "b"}`, "(reason INVALID_REQUEST)"},
		{"two of a oneof", "", "echo", `{"word": "a", "node": {}}`, "(reason INVALID_REQUEST)"},
		{"large number", "", "echo", `{"small": 4294967296}`, "(reason INVALID_REQUEST)"},
		{"fraction", "", "echo", `{"small": 1.5}`, "(reason INVALID_REQUEST)"},
		{"unknown enum", "", "echo", `{"cover": "COVER_GOLD"}`, "(reason INVALID_REQUEST)"},
		{"unknown type", "", "echo", `{"packed": {"@type": "type.googleapis.com/no.Such"}}`, "(reason INVALID_REQUEST)"},
		{"surrogate", "", "echo", `{"text": "\ud800"}`, "(reason INVALID_REQUEST)"},
	} {
		t.Run(c.what, func(t *testing.T) {
			wantError(t, call(t, f.agent(t, c.token), c.tool, c.arguments), c.want)
		})
	}
}

// TestRates enforces the rate of a policy for each principal.
func TestRates(t *testing.T) {
	f := start(t)
	ann, bob := f.agent(t, "ann:"), f.agent(t, "bob:")
	const arguments = `{"book": {"title": "A"}}`
	wantJSON(t, call(t, ann, "update_book", arguments), `{"name": "", "title": "A", "pages": 0, "cover": "COVER_UNSPECIFIED"}`)
	limited := call(t, ann, "update_book", arguments)
	wantError(t, limited, "(reason RATE_LIMITED)")
	wantError(t, limited, "Try again after ")
	if call(t, bob, "update_book", arguments).IsError {
		t.Error("the rate of one principal counts for another one")
	}
}

// TestStatusOfErrors states the error for programs too.
func TestStatusOfErrors(t *testing.T) {
	f := start(t)
	result := call(t, f.agent(t, reader), "get_book", `{"name": "x"}`)
	st, _ := result.Meta["grpcservice/status"].(map[string]any)
	if st["code"] != 5.0 || st["details"] == nil {
		t.Errorf("the status of the result is %v, want the code 5 and details", result.Meta)
	}
}

// TestIdempotencyKey fills in the key that an RPC requires.
func TestIdempotencyKey(t *testing.T) {
	f := start(t)
	agent := f.agent(t, writer)
	call(t, agent, "create_book", `{"book": {"title": "A"}}`)
	call(t, agent, "create_book", `{"book": {"title": "A"}, "request_id": "7ad8b8e8-9fc0-4f5f-8b39-3a8ad9f4b6a4"}`)
	if len(f.created) != 2 {
		t.Fatalf("%d books were created, want 2", len(f.created))
	}
	if id := f.created[0].GetRequestId(); len(id) != 36 {
		t.Errorf("the key is %q, want a UUID", id)
	}
	if id := f.created[1].GetRequestId(); id != "7ad8b8e8-9fc0-4f5f-8b39-3a8ad9f4b6a4" {
		t.Errorf("the key of the agent became %q", id)
	}
}

// TestPages returns one page per call.
func TestPages(t *testing.T) {
	f := start(t)
	agent := f.agent(t, reader)
	first := call(t, agent, "list_books", `{}`)
	page, _ := first.StructuredContent.(map[string]any)
	if books, _ := page["books"].([]any); len(books) != 2 || page["next_page_token"] != "2" {
		t.Errorf("the first page is %s", textOf(first))
	}
	last := call(t, agent, "list_books", `{"page_token": "4"}`)
	wantJSON(t, last, `{"books": [{"name": "books/4", "title": "", "pages": 0, "cover": "COVER_UNSPECIFIED"}], "next_page_token": ""}`)
}

// TestLargeResponse states the size of a response that is too large.
func TestLargeResponse(t *testing.T) {
	f := start(t, mcp.WithMaxResultBytes(1000))
	f.bytes = 600
	agent := f.agent(t, reader)
	wantError(t, call(t, agent, "list_books", `{}`), "Call the tool with a smaller page size.")
	if result := call(t, agent, "list_books", `{"page_size": 1}`); result.IsError {
		t.Errorf("a smaller page fails: %s", textOf(result))
	}
}

// TestCredentialsAndHeaders passes on the headers that are named, and no others.
func TestCredentialsAndHeaders(t *testing.T) {
	f := start(t, mcp.WithHeaders("X-Tenant"))
	agent := f.agent(t, reader, "X-Tenant", "acme", "X-Other", "secret", "Cookie", "a=b", "Grpc-Timeout", "1n")
	result := call(t, agent, "echo", `{"text": "a"}`)
	resp, _ := result.StructuredContent.(map[string]any)
	md, _ := resp["metadata"].(map[string]any)
	if md["x-tenant"] != "acme" || md["authorization"] != "Bearer "+reader {
		t.Errorf("the metadata of the call is %v", md)
	}
	for _, name := range []string{"x-other", "cookie", "grpc-timeout", "mcp-protocol-version", "mcp-name"} {
		if md[name] != nil {
			t.Errorf("the header %s became metadata", name)
		}
	}
	if peer, _ := resp["peer"].(string); !strings.HasPrefix(peer, "127.0.0.1:") {
		t.Errorf("the peer of the call is %q, want the address of the agent", peer)
	}
}

// TestNothingElseIsReachable calls what is no tool.
func TestNothingElseIsReachable(t *testing.T) {
	f := start(t)
	agent := f.agent(t, "")
	for _, name := range []string{
		"burn_book", "BurnBook", "/mcp.shelf.v1.ShelfService/BurnBook", "upload_books", "talk", "GetOperation", "",
	} {
		result, err := agent.CallTool(t.Context(), &sdkCall{Name: name, Arguments: map[string]any{"name": "a"}})
		if err == nil {
			t.Errorf("the tool %q exists: %s", name, textOf(result))
		}
	}
	if f.burnt.Load() != 0 {
		t.Error("an RPC without a tool was called")
	}
}
