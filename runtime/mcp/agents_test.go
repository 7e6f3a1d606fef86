package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestTypes sends each field of echo a value of each type: an agent that keeps to the schema is
// served, and every other one is served or reads that its arguments are wrong.
func TestTypes(t *testing.T) {
	servicetest.NoLeaks(t)
	ours, theirs := sdk.NewInMemoryTransports()
	served := make(chan error, 1)
	go func() { served <- toolsOf(t).Serve(t.Context(), ours) }()
	agent, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkTypes(t, agent)
	if err := agent.Close(); err != nil {
		t.Error(err)
	}
	if err := echotest.Within(t, served); err != nil {
		t.Errorf("Serve returns %v", err)
	}
}

func checkTypes(t *testing.T, agent *sdk.ClientSession) {
	t.Helper()
	listed, err := agent.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var of jsonschema.Schema
	for _, tool := range listed.Tools {
		if tool.Name == "echo" {
			convert(t, tool.InputSchema, &of)
		}
	}
	resolved, err := of.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		`null`, `true`, `0`, `-1`, `1.5`, `1e3`, `-0`, `4294967295`, `9007199254740993`, `1e300`, `""`, `"a"`, `"5"`, `"-5"`, `"1e3"`, `"NaN"`,
		`"true"`, `"AA=="`, `"COVER_LINEN"`, `"2026-01-02T03:04:05Z"`, `"1.5s"`, `[]`, `[null]`, `["a"]`, `[{}]`, `[[]]`, `{}`, `{"a": "b"}`,
		`{"1": "b"}`, `{"a": {}}`, `{"title": "b"}`, `{"label": "b"}`, `{"children": [{}]}`, `{"@type": 1}`, `{"value": 1}`, `"\u0000"`,
		`"title,cover"`,
	}
	served, rejected := 0, 0
	for name := range of.Properties {
		if name == "delay" {
			continue
		}
		for _, value := range values {
			arguments := fmt.Sprintf(`{%q: %s}`, name, value)
			result := call(t, agent, "echo", arguments)
			var plain any
			convert(t, json.RawMessage(arguments), &plain)
			switch fits := resolved.Validate(plain) == nil; {
			case !result.IsError:
				served++
			case !strings.Contains(textOf(result), "(reason INVALID_REQUEST)"):
				t.Errorf("%s: %s", arguments, textOf(result))
			case fits && !hasForm(of.Properties[name]):
				t.Errorf("%s fits the schema: %s", arguments, textOf(result))
			default:
				rejected++
			}
		}
	}
	if served < 100 || rejected < 100 {
		t.Errorf("%d calls were served and %d rejected", served, rejected)
	}
}

// hasForm reports whether values have a form that validators need not check.
func hasForm(s *jsonschema.Schema) bool {
	return s.Format != "" || s.ContentEncoding != "" || strings.HasPrefix(s.Description, "Paths of fields") ||
		s.Properties["@type"] != nil
}

// TestManyAgents makes a thousand calls at a time, of which some are cancelled at any point: each is
// served, fails because there are too many, or is cancelled, and none is left.
func TestManyAgents(t *testing.T) {
	f := start(t)
	transport := &http.Transport{MaxConnsPerHost: 300} // an address may have 256 requests
	defer transport.CloseIdleConnections()
	var served, refused, gone atomic.Int64
	ready := make(chan struct{})
	var agents sync.WaitGroup
	for i := range 1000 {
		agents.Go(func() {
			<-ready
			ctx := t.Context()
			if i%2 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Millisecond)
				defer cancel()
			}
			body := echoing(`{"text": "` + strings.Repeat("x", rand.IntN(20_000)) + `"}`)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "application/json, text/event-stream")
			req.Header.Set("Mcp-Protocol-Version", "2025-11-25")
			resp, err := transport.RoundTrip(req)
			if err != nil {
				if i%2 != 0 {
					t.Error(err)
				}
				gone.Add(1)
				return
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			switch {
			case err != nil && i%2 == 0:
				gone.Add(1)
			case resp.StatusCode == http.StatusServiceUnavailable:
				refused.Add(1)
			case resp.StatusCode == http.StatusOK && strings.Contains(string(text), "structuredContent"):
				served.Add(1)
			default:
				t.Errorf("the response is %s %.200s (%v)", resp.Status, text, err)
			}
		})
	}
	close(ready)
	agents.Wait()
	t.Logf("%d served, %d refused, %d cancelled", served.Load(), refused.Load(), gone.Load())
	f.drained(t)
}

// drained waits until no call is left, and checks that tools are served.
func (f *fixture) drained(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); f.srv.Status().Calls > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are left after a minute", f.srv.Status().Calls)
		}
	}
	f.postUntilServed(t)
}

// TestCutRequests ends the connection of a request after each of its bytes.
func TestCutRequests(t *testing.T) {
	f := start(t)
	at, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	body := echoing(`{"text": "a"}`)
	request := "POST /mcp HTTP/1.1\r\nHost: " + at.Host + "\r\nContent-Type: application/json\r\n" +
		"Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	for end := range len(request) + 1 {
		conn, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request[:end]); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	f.drained(t)
}

// TestAgentsThatLeave cancels calls of each tool at any point.
func TestAgentsThatLeave(t *testing.T) {
	f := start(t)
	go func() { // of the operations
		for {
			select {
			case f.step <- -1:
			case <-t.Context().Done():
				return
			}
		}
	}()
	agent := f.agent(t, "ann:books.read,books.write")
	var callers sync.WaitGroup
	for tool, arguments := range map[string]string{
		"get_book": `{"name": "books/1"}`, "list_books": `{}`, "watch_books": `{"events": 50}`, "import_books": `{"source": "a"}`, "echo": `{}`,
	} {
		callers.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(echotest.Context(t), time.Duration(rand.IntN(5000))*time.Microsecond)
				_, _ = agent.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
				cancel()
			}
		})
	}
	callers.Wait()
	f.drained(t)
}
