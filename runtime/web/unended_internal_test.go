package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// servePipes serves impl over HTTP until the end of the test, in a bubble.
func servePipes(t *testing.T, policy runtime.Policy, impl echotest.Funcs) *pipes {
	t.Helper()
	srv := server.New()
	server.Register[echotest.Service](srv, echotest.TableWith(policy), impl)
	handler, err := New(srv)
	if err != nil {
		t.Fatal(err)
	}
	front, err := newFront(handler)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	go func() { _ = front.Serve(p) }()
	t.Cleanup(front.Stop)
	return p
}

// checkAnswer sends the head of a request without what must follow, and checks when the connection
// ends, and what it has received.
func checkAnswer(t *testing.T, p *pipes, request, want string) {
	t.Helper()
	conn, received := p.connect()
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	select {
	case got := <-received:
		if !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("received %q, want %s", got, want)
		}
	case <-time.After(3 * time.Second):
		t.Error("the connection is open after 3 s")
	}
}

// TestRequestsWithoutTheirEnd checks that no request is waited for that nothing reads.
func TestRequestsWithoutTheirEnd(t *testing.T) {
	fallback := WithFallback(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }))
	for name, test := range map[string]struct {
		options    []Option
		head, want string
	}{
		"no fallback":    {nil, "POST /page HTTP/1.1\r\nContent-Type: text/plain", "415"},
		"fallback":       {[]Option{fallback}, "POST /page HTTP/1.1", "200"},
		"unknown type":   {nil, "POST /test.v1.Echo/One HTTP/1.1\r\nContent-Type: text/plain", "415"},
		"unknown method": {nil, "POST /test.v1.Echo/None HTTP/1.1\r\nContent-Type: application/json", "404"},
		"foreign page":   {nil, "POST /test.v1.Echo/One HTTP/1.1\r\nOrigin: https://evil.example\r\nContent-Type: application/json", "403"},
		"preflight": {[]Option{WithOrigins("https://ok.example")},
			"OPTIONS /test.v1.Echo/One HTTP/1.1\r\nOrigin: https://ok.example\r\nAccess-Control-Request-Method: POST", "204"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.options, func(t *testing.T, p *pipes) {
				checkAnswer(t, p, test.head+"\r\nHost: x\r\nContent-Length: 10\r\n\r\n", test.want)
			})
		})
	}
	t.Run("a header before the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := servePipes(t, runtime.Policy{}, echotest.Funcs{JoinFunc: func(ctx context.Context, _ runtime.Stream[echotest.Text]) (*echotest.Text, error) {
				return &echotest.Text{Value: "done"}, grpc.SendHeader(ctx, nil)
			}})
			checkAnswer(t, p, "POST /test.v1.Echo/Join HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+json\r\nContent-Length: 100\r\n\r\n\x00\x00\x00\x00\x02\"\"", "200")
		})
	})
	t.Run("a GET with a body", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := servePipes(t, runtime.Policy{Idempotency: runtime.NoSideEffects}, echotest.Funcs{OneFunc: func(_ context.Context, r *echotest.Text) (*echotest.Text, error) {
				return r, nil
			}})
			checkAnswer(t, p, "GET /test.v1.Echo/One?connect=v1&encoding=json&message=%22a%22 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "200")
		})
	})
}

// TestLateEndsAreLate stops amid what follows a message, at several times of the clock's second.
func TestLateEndsAreLate(t *testing.T) {
	const chunked = "POST /test.v1.Echo/One HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	requests := []string{chunked + "3\r\n\"a\"\r\n0\r\n", chunked + "3\r\n\"a\"\r\n0\r\nA: b\r\n", chunked + "3\r\n\"a\"\r\n"}
	for range 30 {
		requests = append(requests, post("Many", "application/connect+json", "105", "\x00"))
	}
	for _, request := range requests {
		inBubble(t, nil, func(t *testing.T, p *pipes) {
			conn, received := p.connect()
			defer conn.Close()
			_, _ = io.WriteString(conn, request)
			if got := <-received; !strings.Contains(got, "deadline_exceeded") {
				t.Errorf("%q received %q", request, got)
			}
		})
	}
}

// TestFallbackKeepsItsConnection checks that nothing ends a stream of events, or a connection that a
// fallback has taken over.
func TestFallbackKeepsItsConnection(t *testing.T) {
	const page = "/page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	for request, hijack := range map[string]bool{
		"GET " + page + "\r\n":                                       false,
		"GET " + page + "Upgrade: x\r\n\r\n":                         true,
		"POST " + page + "Upgrade: x\r\nContent-Length: 2\r\n\r\n{}": true,
	} {
		inBubble(t, []Option{WithFallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !hijack {
				select {
				case <-r.Context().Done():
					t.Errorf("%q has ended: %v", request, r.Context().Err())
				case <-time.After(time.Hour):
				}
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			start := time.Now()
			_ = conn.SetReadDeadline(start.Add(time.Hour))
			go func() { // as the server of another protocol
				defer conn.Close()
				_, err = conn.Read(make([]byte, 1))
				if took := time.Since(start); took != time.Hour {
					t.Errorf("%q: reading has failed after %v: %v", request, took, err)
				}
			}()
		}))}, func(t *testing.T, p *pipes) {
			conn, received := p.connect()
			defer conn.Close()
			_, _ = io.WriteString(conn, request)
			<-received
		})
	}
}

// otherNetwork is a connection whose timeouts are not those of package os.
type otherNetwork struct{ net.Conn }

func (c otherNetwork) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &net.OpError{Op: "read", Err: otherTimeout{}}
	}
	return n, err
}

type otherTimeout struct{}

func (otherTimeout) Error() string   { return "timeout" }
func (otherTimeout) Timeout() bool   { return true }
func (otherTimeout) Temporary() bool { return true }

// TestStreamsOfOtherNetworks outlive the deadline of their header, which the connection keeps.
func TestStreamsOfOtherNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, runtime.Policy{}, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *echotest.Text) runtime.Stream[echotest.Text] {
			select {
			case <-ctx.Done():
				return echotest.Texts(fmt.Sprint("ended: ", ctx.Err()))
			case <-time.After(2 * HeaderTimeout):
				return echotest.Texts("whole")
			}
		}})
		conn, theirs := net.Pipe()
		defer conn.Close()
		p.conns <- otherNetwork{theirs}
		received := make(chan string)
		go func() {
			all, _ := io.ReadAll(conn)
			received <- string(all)
		}()
		_, _ = io.WriteString(conn, "POST /test.v1.Echo/Many HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/connect+json\r\nContent-Length: 7\r\n\r\n\x00\x00\x00\x00\x02\"\"")
		if got := <-received; !strings.Contains(got, "whole") {
			t.Errorf("received %q", got)
		}
	})
}
