package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// childVariable makes the test binary serve its tools over standard input and output.
const childVariable = "GRPCSERVICE_TEST_STDIO"

// serveChild is the program that an agent starts. It writes to standard error when a call of echo
// starts to wait.
func serveChild() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	srv := server.New(server.WithAuthenticator(server.AuthenticateFunc(authenticate)),
		server.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	books := newShelf()
	books.register(srv)
	go func() {
		for range books.started {
			fmt.Fprintln(os.Stderr, "started")
		}
	}()
	if err := serveStdio(ctx, srv); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is a process that serves tools to the test.
type child struct {
	*exec.Cmd
	in     io.WriteCloser
	errors chan string // lines of standard error
	ended  chan error

	mu      sync.Mutex
	output  []string // lines of standard output
	replies map[float64]chan map[string]any
}

// startChild starts a process, and ends it with the test.
func startChild(t *testing.T) *child {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{
		Cmd: exec.CommandContext(t.Context(), path), errors: make(chan string, 1000), ended: make(chan error, 1),
		replies: make(map[float64]chan map[string]any),
	}
	c.Env = append(os.Environ(), childVariable+"=1", "TOKEN="+reader)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.in = stdin
	var read sync.WaitGroup
	read.Go(func() { c.receive(stdout) })
	read.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			c.errors <- lines.Text()
		}
	})
	go func() {
		read.Wait()
		c.ended <- c.Wait()
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill() // fails if it has ended
		read.Wait()
	})
	return c
}

// receive keeps the lines of standard output, and passes responses on.
func (c *child) receive(stdout io.Reader) {
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			c.mu.Lock()
			c.output = append(c.output, line)
			var reply map[string]any
			if json.Unmarshal([]byte(line), &reply) == nil {
				if id, ok := reply["id"].(float64); ok {
					c.reply(id) <- reply
				}
			}
			c.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// reply returns where the response to a request arrives; c is locked.
func (c *child) reply(id float64) chan map[string]any {
	if c.replies[id] == nil {
		c.replies[id] = make(chan map[string]any, 1)
	}
	return c.replies[id]
}

// send writes a line.
func (c *child) send(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// request sends a request, and returns the response.
func (c *child) request(t *testing.T, id int, method, params string) map[string]any {
	t.Helper()
	c.send(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params))
	return c.await(t, id)
}

// await waits for the response to a request.
func (c *child) await(t *testing.T, id int) map[string]any {
	t.Helper()
	c.mu.Lock()
	reply := c.reply(float64(id))
	c.mu.Unlock()
	return echotest.Within(t, reply)
}

// says waits for a line of standard error.
func (c *child) says(t *testing.T, text string) {
	t.Helper()
	for timeout := time.After(time.Minute); ; {
		select {
		case line := <-c.errors:
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("standard error has no line with %q within a minute", text)
		}
	}
}

// initialize introduces the test as an agent.
func (c *child) initialize(t *testing.T) {
	t.Helper()
	reply := c.request(t, 1, "initialize",
		`{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`)
	if result, _ := reply["result"].(map[string]any); result["protocolVersion"] != "2025-06-18" {
		t.Fatalf("the response is %v", reply)
	}
	c.send(t, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// checkOutput checks that standard output has nothing but messages of the protocol.
func (c *child) checkOutput(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.output {
		var message struct{ JSONRPC string }
		if err := json.Unmarshal([]byte(line), &message); err != nil || message.JSONRPC != "2.0" {
			t.Errorf("standard output has the line %.200q", line)
		}
	}
}

const waiting = `{"name":"echo","arguments":{"delay":"600s"}}`

// TestStdio is an agent that starts a program, lists and calls its tools, cancels a call, and closes
// standard input during another one.
func TestStdio(t *testing.T) {
	c := startChild(t)
	c.initialize(t)
	reply := c.request(t, 2, "tools/list", `{}`)
	result, _ := reply["result"].(map[string]any)
	if tools, _ := result["tools"].([]any); len(tools) != 7 {
		t.Errorf("the response has %d tools, want 7", len(tools))
	}
	reply = c.request(t, 3, "tools/call", `{"name":"get_book","arguments":{"name":"books/1"}}`)
	if !strings.Contains(fmt.Sprint(reply["result"]), "Moby-Dick") {
		t.Errorf("the response is %v", reply)
	}
	c.says(t, "method=mcp.shelf.v1.ShelfService/GetBook") // the access log

	c.send(t, `{"jsonrpc":"2.0","id":4,"method":"tools/call","params":`+waiting+`}`)
	c.says(t, "started")
	c.request(t, 5, "tools/call", `{"name":"echo","arguments":{"text":"meanwhile"}}`)
	c.send(t, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}`)
	c.says(t, "code=Canceled")

	for id, method := range map[int]string{6: "burn", 7: "resources/read", 8: "tools/call"} {
		if reply := c.request(t, id, method, `{"name":"burn","uri":"file:///"}`); reply["error"] == nil {
			t.Errorf("%s: the response is %v, want an error", method, reply)
		}
	}
	c.send(t, `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":`+waiting+`}`)
	c.says(t, "started")
	if err := c.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := echotest.Within(t, c.ended); err != nil {
		t.Errorf("the process ends with %v", err)
	}
	c.checkOutput(t)
}

// TestStdioEndsWithItsContext ends the process by a signal, while a call runs and standard input is
// open.
func TestStdioEndsWithItsContext(t *testing.T) {
	c := startChild(t)
	c.initialize(t)
	c.send(t, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":`+waiting+`}`)
	c.says(t, "started")
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := echotest.Within(t, c.ended); err != nil {
		t.Errorf("the process ends with %v", err)
	}
	c.checkOutput(t)
}

// TestStdioOfAHostileAgent sends lines that are no messages. The process may end, but it writes
// nothing else to standard output.
func TestStdioOfAHostileAgent(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":    "\x00\xff{",
		"a number":   "7",
		"no version": `{"id":2,"method":"tools/list"}`,
		"deep":       strings.Repeat("[", 900_000),
		"deep arguments": `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":` +
			strings.Repeat(`{"tree":`, 5000) + strings.Repeat("}", 5000) + `}}`,
		"a response":  `{"jsonrpc":"2.0","id":99,"result":{}}`,
		"long":        `{"jsonrpc":"2.0","id":2,"method":"` + strings.Repeat("x", 2<<20) + `"}`,
		"not ended":   `{"jsonrpc":"2.0"`,
		"no call":     `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":[]}`,
		"other ID":    `{"jsonrpc":"2.0","id":{"a":1},"method":"tools/list"}`,
		"cancel none": `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startChild(t)
			c.initialize(t)
			_, _ = io.WriteString(c.in, line+"\n")
			_ = c.in.Close()
			err := echotest.Within(t, c.ended)
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() != 1 {
				t.Errorf("the process ends with %v", err)
			}
			c.checkOutput(t)
		})
	}
}
