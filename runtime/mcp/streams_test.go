package mcp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/mcp"
)

// TestStream collects the messages of a stream.
func TestStream(t *testing.T) {
	f := start(t)
	agent := f.agent(t, reader)
	wantJSON(t, call(t, agent, "watch_books", `{"events": 2, "size": 1}`),
		`{"messages": [{"number": "0", "text": "x"}, {"number": "1", "text": "x"}]}`)
	wantJSON(t, call(t, agent, "watch_books", `{}`), `{"messages": []}`)
}

// TestStreamsAreCut limits a stream in messages, bytes and time, ends the method, and says so.
func TestStreamsAreCut(t *testing.T) {
	for _, c := range []struct {
		what, arguments, cut string
		messages             int
		option               mcp.Option
	}{
		{"messages", `{"events": 1000000}`, "these are the first 3 messages; the stream may have more", 3, mcp.WithMaxMessages(3)},
		{"bytes", `{"events": 1000000, "size": 400}`, "the next message would exceed the 1000 bytes of a result", 2, mcp.WithMaxResultBytes(1000)},
		{"one message", `{"events": 1, "size": 4000}`, "the next message would exceed the 1000 bytes of a result", 0, mcp.WithMaxResultBytes(1000)},
		{"time", `{"events": 2, "stays_open": true}`, "these are the messages of 5s; the stream goes on", 2, mcp.WithMaxStreamTime(5 * time.Second)},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := start(t, c.option)
			result := call(t, f.agent(t, reader), "watch_books", c.arguments)
			got, _ := result.StructuredContent.(map[string]any)
			cut, _ := got["cut"].(string)
			if messages, _ := got["messages"].([]any); len(messages) != c.messages || !strings.Contains(cut, c.cut) {
				t.Errorf("the result has %d messages and the cut %q, want %d and %q: %s",
					len(messages), cut, c.messages, c.cut, textOf(result))
			}
			if c.what == "time" {
				echotest.Within(t, f.ended)
			}
		})
	}
}

// TestStreamFails returns the messages before the error.
func TestStreamFails(t *testing.T) {
	f := start(t)
	agent := f.agent(t, reader)
	result := call(t, agent, "watch_books", `{"events": 1, "fails": true}`)
	wantError(t, result, "DATA_LOSS: a page is torn (reason TORN)")
	wantError(t, result, `{"messages":[{"number":"0","text":""}]}`)
	wantError(t, call(t, agent, "watch_books", `{"fails": true}`), "DATA_LOSS: a page is torn (reason TORN)")
	wantError(t, call(t, f.agent(t, ""), "watch_books", `{}`), "UNAUTHENTICATED: ")
}

// TestCancellation cancels the method of a call that an agent cancels, over both transports.
func TestCancellation(t *testing.T) {
	for _, tool := range []string{"echo", "watch_books"} {
		arguments := map[string]string{"echo": `{"delay": "600s"}`, "watch_books": `{"stays_open": true}`}[tool]
		t.Run(tool, func(t *testing.T) {
			f := start(t)
			agent := f.agent(t, reader)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := agent.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
				ended <- err
			}()
			echotest.Within(t, f.started)
			cancel()
			if err := echotest.Within(t, ended); err == nil {
				t.Error("the cancelled call succeeds")
			}
			if err := echotest.Within(t, f.ended); err == nil {
				t.Error("the method has not been cancelled")
			}
		})
	}
}

// TestOperation waits for an operation, with its progress.
func TestOperation(t *testing.T) {
	f := start(t)
	progress := make(chan string, 100)
	agent := f.agentWith(t, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
		progress <- r.Params.Message
	}}, nil, reader)
	params := &sdk.CallToolParams{Name: "import_books", Arguments: json.RawMessage(`{"source": "a"}`)}
	params.SetProgressToken("p")
	results := make(chan *sdk.CallToolResult, 1)
	go func() {
		result, err := agent.CallTool(t.Context(), params)
		if err != nil {
			t.Error(err)
		}
		results <- result
	}()
	f.proceed(t, 3)
	for message := ""; !strings.Contains(message, `"read":3`); message = echotest.Within(t, progress) {
		if t.Failed() {
			t.FailNow() // there is no progress
		}
	}
	f.proceed(t, 4)
	f.proceed(t, -1)
	result := echotest.Within(t, results)
	got, _ := result.StructuredContent.(map[string]any)
	name, _ := got["operation"].(string)
	wantJSON(t, result, `{"operation": "`+name+`", "done": true, "response": {"books": 7}}`)
	wantJSON(t, call(t, agent, "import_books", `{"_operation": "`+name+`"}`),
		`{"operation": "`+name+`", "done": true, "response": {"books": 7}}`)
	wantError(t, call(t, f.agent(t, "eve:"), "import_books", `{"_operation": "`+name+`"}`), "NOT_FOUND: ")
	wantError(t, call(t, agent, "import_books", `{"_operation": "`+name+`", "source": "a"}`), "pass no other arguments")
	wantError(t, call(t, agent, "import_books", `{"_operation": 5}`), "is not the name of an operation")
	wantError(t, call(t, agent, "import_books", `{}`), "- source: ")
}

// TestOperationFails returns the error of an operation.
func TestOperationFails(t *testing.T) {
	f := start(t)
	go func() { f.step <- 0 }()
	wantError(t, call(t, f.agent(t, reader), "import_books", `{"source": "a"}`), "FAILED_PRECONDITION: there is no source")
}

// TestOperationThatTakesLong returns the operation, for which another call waits on.
func TestOperationThatTakesLong(t *testing.T) {
	f := start(t, mcp.WithMaxOperationWait(time.Millisecond))
	agent := f.agent(t, reader)
	first := call(t, agent, "import_books", `{"source": "a"}`)
	got, _ := first.StructuredContent.(map[string]any)
	name, _ := got["operation"].(string)
	if got["done"] != false || name == "" {
		t.Fatalf("the result is %s, want an operation that is not done", textOf(first))
	}
	f.proceed(t, -1)
	for deadline := time.Now().Add(time.Minute); ; {
		result := call(t, agent, "import_books", `{"_operation": "`+name+`"}`)
		if got, _ := result.StructuredContent.(map[string]any); got["done"] == true {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("the operation is not done: %s", textOf(result))
		}
	}
}

// TestOperationIsCancelled cancels the operation of a call that an agent cancels.
func TestOperationIsCancelled(t *testing.T) {
	f := start(t)
	agent := f.agent(t, reader)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := agent.CallTool(ctx, &sdk.CallToolParams{Name: "import_books", Arguments: json.RawMessage(`{"source": "a"}`)})
		ended <- err
	}()
	f.proceed(t, 1) // it is running
	cancel()
	if err := echotest.Within(t, ended); err == nil {
		t.Error("the cancelled call succeeds")
	}
	if err := echotest.Within(t, f.ended); err == nil {
		t.Error("the operation has not been cancelled")
	}
}
