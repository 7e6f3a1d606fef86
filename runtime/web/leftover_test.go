package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// http1 is a connection of HTTP/1.1 that a test writes to.
type http1 struct {
	net.Conn
	from *bufio.Reader
}

func (r *running) connect(t *testing.T) http1 {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return http1{conn, bufio.NewReader(conn)}
}

// send writes a request with a length, of which body may be a part.
func (c http1) send(t *testing.T, path, contentType string, length int, body string) {
	t.Helper()
	_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: test\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, contentType, length, body)
	if err != nil {
		t.Fatal(err)
	}
}

// receive reads a response.
func (c http1) receive(t *testing.T) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// framed is the start of a message of 995 bytes, as gRPC-Web and streams of Connect send it.
const framed = "\x00\x00\x00\x03\xe3"

// TestNextRequestOfAConnection checks that a connection of HTTP/1.1 serves the request after one
// that was rejected before it was read.
func TestNextRequestOfAConnection(t *testing.T) {
	r := serve(t, echo, config{web: []web.Option{web.WithMaxRequestBytes(100)}})
	for name, test := range map[string]struct{ path, contentType, prefix string }{
		"too large for gRPC-Web": {"/test.v1.Echo/One", "application/grpc-web+proto", framed},
		"too large for a stream": {"/test.v1.Echo/Join", "application/connect+json", framed},
		"too large for Connect":  {"/test.v1.Echo/One", "application/json", ""},
		"of an unknown method":   {"/test.v1.Echo/None", "application/grpc-web+proto", framed},
		"of an unknown type":     {"/test.v1.Echo/One", "text/plain", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.connect(t)
			for range 3 {
				conn.send(t, test.path, test.contentType, 1000,
					test.prefix+strings.Repeat("x", 1000-len(test.prefix)))
				if resp, _ := conn.receive(t); resp.Close {
					t.Fatalf("the connection is closed after %s", resp.Status)
				}
				conn.send(t, "/test.v1.Echo/One", "application/json", 3, `"a"`)
				if resp, body := conn.receive(t); resp.StatusCode != http.StatusOK || body != `"a"` {
					t.Fatalf("%s %s", resp.Status, body)
				}
			}
		})
	}
}

// TestLateRestIsNoRequest checks that what a client sends of a request after its response is not
// taken for another request.
func TestLateRestIsNoRequest(t *testing.T) {
	r := serve(t, echo, config{web: []web.Option{web.WithMaxRequestBytes(100)}})
	for name, test := range map[string]struct{ path, contentType string }{
		"too large":            {"/test.v1.Echo/One", "application/json"},
		"of an unknown method": {"/test.v1.Echo/None", "application/grpc-web+proto"},
		"of an unknown type":   {"/test.v1.Echo/One", "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.connect(t)
			conn.send(t, test.path, test.contentType, 1000, strings.Repeat("x", 200))
			if resp, body := conn.receive(t); !resp.Close {
				t.Fatalf("the connection remains open after %s %s", resp.Status, body)
			}
			_, _ = fmt.Fprintf(conn, "POST /test.v1.Echo/One HTTP/1.1\r\nHost: test\r\n"+
				"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n\"a\"") // it may be closed
			if resp, err := http.ReadResponse(conn.from, nil); err == nil {
				t.Fatalf("the rest of a request has the response %s", resp.Status)
			}
		})
	}
	r.alive(t)
}

// TestHeaderBeforeTheRequestHasEnded checks that a method over HTTP/1.1 may send its header and
// still receive, and that the connection is closed afterwards: when the header is sent, nobody
// knows where the request will end.
func TestHeaderBeforeTheRequestHasEnded(t *testing.T) {
	join := func(ctx context.Context, reqs runtime.Stream[Text]) (*Text, error) {
		if err := grpc.SendHeader(ctx, nil); err != nil {
			return nil, err
		}
		return echo.JoinFunc(ctx, reqs)
	}
	r := serve(t, echotest.Funcs{JoinFunc: join}, config{})
	conn := r.connect(t)
	const message = "\x00\x00\x00\x00\x03\"a\""
	_, _ = fmt.Fprintf(conn, "POST /test.v1.Echo/Join HTTP/1.1\r\nHost: test\r\n"+
		"Content-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n%s\r\n", message)
	resp, err := http.ReadResponse(conn.from, nil)
	if err != nil || !resp.Close {
		t.Fatalf("%+v, %v", resp, err)
	}
	_, _ = fmt.Fprintf(conn, "8\r\n%s\r\n0\r\n\r\n", message)
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(body), "\x00\x00\x00\x00\x04\"aa\"") {
		t.Errorf("%q, %v", body, err)
	}
}
