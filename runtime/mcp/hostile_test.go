package mcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/mcp"
)

// post sends a body, and returns the status and the body of the response.
func (f *fixture) post(t *testing.T, body string, headers ...string) (status int, text string, header http.Header) {
	t.Helper()
	return f.send(t, http.MethodPost, body, headers...)
}

func (f *fixture) send(t *testing.T, method, body string, headers ...string) (status int, text string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

// echoing returns the body of a call of echo.
func echoing(arguments string) string {
	return `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": ` + arguments + `}}`
}

// TestHostileBodies rejects what no agent sends, and goes on serving.
func TestHostileBodies(t *testing.T) {
	f := start(t, mcp.WithMaxRequestBytes(3<<20))
	deep := strings.Repeat("[", 1<<20)
	tree := strings.Repeat(`{"children":[`, 200) + strings.Repeat("]}", 200)
	for _, c := range []struct {
		what, body, want string
		status           int
	}{
		{"nothing", "", "", 400},
		{"no JSON", "\x00\xff", "", 400},
		{"deep", deep, "nested more than 100 levels", 400},
		{"deep arguments", echoing(deep), "nested more than 100 levels", 400},
		{"deep tree", echoing(`{"tree": ` + tree + `}`), "nested more than 100 levels", 400},
		{"brackets in a string", echoing(`{"text": "` + strings.Repeat(`[{\"`, 1000) + `"}`), "structuredContent", 200},
		{"large", strings.Repeat(" ", 3<<20+1), "more than 3145728 bytes", 413},
		{"batch", "[" + echoing("{}") + "]", "batching", 400},
		{"unknown method", `{"jsonrpc": "2.0", "id": 1, "method": "burn"}`, "", 400},
		{"unknown tool", strings.Replace(echoing("{}"), "echo", "burn", 1), `unknown tool`, 200},
		{"no tool", `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}`, "error", 200},
		{"null parameters", `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": null}`, "missing required", 200},
		{"huge number", echoing(`{"small": 1e400}`), "(reason INVALID_REQUEST)", 200},
		{"long number", echoing(`{"large": ` + strings.Repeat("9", 1<<20) + `}`), "(reason INVALID_REQUEST)", 200},
		{"long exponent", echoing(`{"large": 1e` + strings.Repeat("9", 1<<20) + `}`), "(reason INVALID_REQUEST)", 200},
		{"large exponent", echoing(`{"large": 1e1000000000}`), "(reason INVALID_REQUEST)", 200},
		{"long unknown field", echoing(`{"` + strings.Repeat("x", 1<<20) + `": 1}`), "(reason INVALID_REQUEST)", 200},
		{"list of arguments", echoing(`[]`), "(reason INVALID_REQUEST)", 200},
		{"text as arguments", echoing(`"a"`), "(reason INVALID_REQUEST)", 200},
		{"many fields", echoing(`{"numbers": {` + manyFields() + `}}`), "", 200},
		{"prompts", `{"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}`, "", 200},
		{"resources", `{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///etc/passwd"}}`, "error", 200},
		{"log level", `{"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "debug"}}`, "", 200},
	} {
		t.Run(c.what, func(t *testing.T) {
			status, text, _ := f.post(t, c.body)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("the response is %d %.500s, want %d with %q", status, text, c.status, c.want)
			}
			if len(text) > 1<<20 {
				t.Errorf("the response has %d bytes", len(text))
			}
		})
	}
	if status, text, _ := f.post(t, echoing(`{"text": "alive"}`)); status != 200 || !strings.Contains(text, "alive") {
		t.Errorf("the server responds %d %s afterwards", status, text)
	}
}

func manyFields() string {
	var text strings.Builder
	for i := range 50_000 {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`"` + strings.Repeat("1", 1+i%9) + strings.Repeat("0", i/9000) + `": "x"`)
	}
	return text.String()
}

// TestHostileRequests rejects requests by their headers.
func TestHostileRequests(t *testing.T) {
	f := start(t, mcp.WithOrigins("https://chat.example.com"))
	for _, c := range []struct {
		what, method string
		headers      []string
		status       int
	}{
		{"a web page", "POST", []string{"Origin", "https://evil.example.com"}, 403},
		{"a sandboxed page", "POST", []string{"Origin", "null"}, 403},
		{"a page of the same origin", "POST", []string{"Origin", f.url[:len(f.url)-len("/mcp")]}, 403},
		{"the prefix of an allowed page", "POST", []string{"Origin", "https://chat.example.com.evil.example.com"}, 403},
		{"an allowed page", "POST", []string{"Origin", "https://chat.example.com"}, 200},
		{"a preflight", "OPTIONS", []string{"Origin", "https://evil.example.com"}, 403},
		{"an allowed preflight", "OPTIONS", []string{"Origin", "https://chat.example.com"}, 204},
		{"a rebound name", "POST", []string{"Host", "evil.example.com"}, 403},
		{"a form", "POST", []string{"Content-Type", "text/plain"}, 415},
		{"GET", "GET", nil, 405},
		{"DELETE", "DELETE", nil, 405},
		{"OPTIONS", "OPTIONS", nil, 405},
		{"an unknown version", "POST", []string{"Mcp-Protocol-Version", "1999-01-01"}, 400},
		{"a session", "POST", []string{"Mcp-Session-Id", "other"}, 200},
		{"no ASCII", "POST", []string{"Authorization", "Bearer \xc3\xa9"}, 400},
	} {
		t.Run(c.what, func(t *testing.T) {
			status, text, header := f.send(t, c.method, echoing(`{}`), c.headers...)
			if status != c.status {
				t.Errorf("the response is %d %s, want %d", status, text, c.status)
			}
			if allowed := header.Get("Access-Control-Allow-Origin"); allowed != "" && (status == 403 || allowed == "*") {
				t.Errorf("the response %d allows the origin %q", status, allowed)
			}
		})
	}
}

// TestTooManyRequests rejects requests above the limit, and of one address above half of it.
func TestTooManyRequests(t *testing.T) {
	f := start(t, mcp.WithMaxRequests(2))
	agent := f.agent(t, "") // connected before
	// Connect returns when the agent has read a result, which can be before that response ends.
	// Until then, its request counts, and the call below would be one too many.
	f.postUntilServed(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := agent.CallTool(ctx, &sdk.CallToolParams{Name: "echo", Arguments: map[string]any{"delay": "600s"}})
		done <- err
	}()
	echotest.Within(t, f.started)
	if status, text, header := f.post(t, echoing(`{}`)); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("the response is %d %s, want 503 with Retry-After", status, text)
	}
	cancel()
	if err := echotest.Within(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("the call that has the place returns %v, want %v", err, context.Canceled)
	}
	echotest.Within(t, f.ended)
	f.postUntilServed(t)
}

// postUntilServed posts until a request is served, which then no longer counts: the handler
// returns before the response ends.
func (f *fixture) postUntilServed(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		status, text, _ := f.post(t, echoing(`{}`))
		if status == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the response is %d %s a minute afterwards", status, text)
		}
	}
}

// TestOldAgents serves agents with the protocols before 2026-07-28.
func TestOldAgents(t *testing.T) {
	f := start(t)
	for _, version := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		agent := f.agentWith(t, nil, &sdk.ClientSessionOptions{ProtocolVersion: version}, reader)
		if got := agent.InitializeResult().ProtocolVersion; got != version {
			t.Errorf("the version is %s, want %s", got, version)
		}
		if result := call(t, agent, "get_book", `{"name": "books/1"}`); result.IsError {
			t.Errorf("%s: %s", version, textOf(result))
		}
	}
}

// TestDeepJSONOverStdio rejects it without overflowing the stack.
func TestDeepJSONOverStdio(t *testing.T) {
	tools := toolsOf(t)
	var out bytes.Buffer
	deep := strings.Repeat("[", 900_000) + "\n"
	_ = tools.Serve(t.Context(), &sdk.IOTransport{
		Reader: io.NopCloser(strings.NewReader(deep)), Writer: nopCloser{&out}, MaxLineLength: 1 << 20,
	})
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
