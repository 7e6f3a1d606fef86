package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// pipes is a listener in memory, so that time passes only when everyone waits.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// connect returns a connection to the server. What it receives goes to the channel, when the server
// has closed the connection.
func (p *pipes) connect() (conn net.Conn, received <-chan string) {
	conn, theirs := net.Pipe()
	p.conns <- theirs
	all := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(conn)
		all <- string(text)
	}()
	return conn, all
}

// unaryTimeout is the deadline of the unary calls.
const unaryTimeout = 5 * time.Second

// inBubble serves echo in a bubble of synctest while f runs.
func inBubble(t *testing.T, options []Option, f func(t *testing.T, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		srv := server.New()
		table := echotest.TableWith(runtime.Policy{Timeout: unaryTimeout})
		server.Register[echotest.Service](srv, table, echotest.Funcs{
			OneFunc: func(_ context.Context, req *echotest.Text) (*echotest.Text, error) { return req, nil },
			ManyFunc: func(context.Context, *echotest.Text) runtime.Stream[echotest.Text] {
				return echotest.Texts("a")
			},
		})
		handler, err := New(srv, options...)
		if err != nil {
			t.Fatal(err)
		}
		front, err := newFront(handler)
		if err != nil {
			t.Fatal(err)
		}
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- front.Serve(p) }()
		f(t, p)
		front.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// post is a request of HTTP/1.1 with a length, of which body may be a part.
func post(method, contentType, length, body string) string {
	return "POST /test.v1.Echo/" + method + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + contentType +
		"\r\nContent-Length: " + length + "\r\n\r\n" + body
}

// TestSlowRequests checks when a request must have arrived, byte by byte or not at all.
func TestSlowRequests(t *testing.T) {
	const closed, late = "", "deadline_exceeded"
	const line = "POST / HTTP/1.1\r\nHost: x\r\n"
	prefix := string(binary.BigEndian.AppendUint32([]byte{0}, 100))
	stream := func(body string) string { return post("Many", "application/connect+json", "105", body) }
	unary := post("One", "application/json", "999", `"`)
	for name, test := range map[string]struct {
		sends, drips string // at once, and again each second
		after        time.Duration
		want         string // of the response; closed for none
	}{
		"nothing":           {"", "", HeaderTimeout, closed},
		"headers":           {line, "", HeaderTimeout, closed},
		"dripped headers":   {line, "A: a\r\n", HeaderTimeout, closed},
		"unary":             {unary, "", unaryTimeout, late},
		"dripped unary":     {unary, "a", unaryTimeout, late},
		"stream, no prefix": {stream("\x00"), "", server.DefaultTimeout, late},
		"stream":            {stream(prefix + `"`), "", server.DefaultTimeout, late},
		"dripped stream":    {stream(prefix + `"`), "a", server.DefaultTimeout, late},
		"gRPC-Web stream": {
			post("Many", "application/grpc-web+proto", "105", prefix), "a", server.DefaultTimeout, "grpc-status: 4",
		},
		"idle": {post("One", "application/json", "3", `"a"`), "", server.MaxConnectionIdle, `"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, p *pipes) {
				conn, received := p.connect()
				defer conn.Close()
				start := time.Now()
				if _, err := io.WriteString(conn, test.sends); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() {
					for {
						select {
						case <-ended:
							return
						case <-time.After(time.Second):
						}
						if test.drips != "" {
							_, _ = io.WriteString(conn, test.drips) // fails once the server has closed it
						}
					}
				}()
				got := <-received
				close(ended)
				if after := time.Since(start); after < test.after || after > test.after+2*time.Second {
					t.Errorf("the connection ends after %v, want %v", after, test.after)
				}
				if isClosed := got == ""; isClosed != (test.want == closed) || !strings.Contains(strings.ToLower(got), test.want) {
					t.Errorf("the server sends %q, want %q", got, test.want)
				}
				synctest.Wait()
			})
		})
	}
}

// TestSlowHandshake checks when the handshake of TLS must be complete.
func TestSlowHandshake(t *testing.T) {
	cert := certtest.NewCA(t, "ca").Issue(t, "server").Certificate(t)
	options := []Option{WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}})}
	inBubble(t, options, func(t *testing.T, p *pipes) {
		conn, received := p.connect()
		defer conn.Close()
		start := time.Now()
		_, _ = io.WriteString(conn, "\x16\x03\x01") // of a ClientHello
		<-received
		if after := time.Since(start); after != HeaderTimeout {
			t.Errorf("the connection ends after %v, want %v", after, HeaderTimeout)
		}
	})
}

// h2 is a client of HTTP/2 that says what a test says.
type h2 struct {
	net.Conn
	*http2.Framer
	block []byte        // headers of a call of gRPC
	ended chan struct{} // the server has closed the connection
	reset chan struct{} // the server has reset the call

	mu     sync.Mutex
	status string    // of the call
	at     time.Time // when it arrived
}

// connectHTTP2 opens a connection. Unless it is silent, the client answers pings.
func (p *pipes) connectHTTP2(t *testing.T, isSilent bool) *h2 {
	t.Helper()
	conn, theirs := net.Pipe()
	p.conns <- theirs
	c := &h2{
		Conn: conn, Framer: http2.NewFramer(conn, conn),
		ended: make(chan struct{}), reset: make(chan struct{}, 1),
	}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.block = headersOf("Many", "application/grpc")
	go c.receive(isSilent)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// headersOf returns the headers of a call.
func headersOf(method, contentType string) []byte {
	var block bytes.Buffer
	headers := hpack.NewEncoder(&block)
	for _, field := range [][2]string{
		{":method", "POST"}, {":path", "/test.v1.Echo/" + method}, {":scheme", "http"}, {":authority", "x"},
		{"content-type", contentType},
	} {
		_ = headers.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	return block.Bytes()
}

func (c *h2) receive(isSilent bool) {
	defer close(c.ended)
	pings := http2.NewFramer(c.Conn, nil) // a framer has one writer
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			if !isSilent && !frame.IsAck() {
				_ = pings.WritePing(true, frame.Data) // the test has ended if it fails
			}
		case *http2.RSTStreamFrame:
			select {
			case c.reset <- struct{}{}:
			default:
			}
		case *http2.MetaHeadersFrame:
			for _, field := range frame.Fields {
				if field.Name == "grpc-status" {
					c.mu.Lock()
					c.status, c.at = field.Value, time.Now()
					c.mu.Unlock()
				}
			}
		}
	}
}

// TestSlowHTTP2 checks when a connection of HTTP/2 ends whose client stops or drips.
func TestSlowHTTP2(t *testing.T) {
	const silence = server.KeepaliveTime + server.KeepaliveTimeout
	nothing := func(*h2) error { return nil }
	begin := func(c *h2) error {
		return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block[:4]})
	}
	for name, test := range map[string]struct {
		isSilent    bool
		send, drips func(*h2) error // drips is sent each 10 s
		after       time.Duration
	}{
		"silent after the preface": {true, nothing, nothing, silence},
		"silent amid headers":      {true, begin, nothing, silence},
		"silent amid the body": {true, func(c *h2) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block, EndHeaders: true})
		}, nothing, silence},
		"idle":            {false, nothing, nothing, server.MaxConnectionIdle},
		"pings":           {false, nothing, func(c *h2) error { return c.WritePing(false, [8]byte{}) }, server.MaxConnectionIdle},
		"dripped headers": {true, begin, func(c *h2) error { return c.WriteContinuation(1, false, nil) }, silence},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, p *pipes) {
				start := time.Now()
				c := p.connectHTTP2(t, test.isSilent)
				defer c.Close()
				if err := test.send(c); err != nil {
					t.Fatal(err)
				}
				for isEnded := false; !isEnded; {
					select {
					case <-c.ended:
						isEnded = true
					case <-time.After(10 * time.Second):
						_ = test.drips(c) // fails once the server has closed it
					}
				}
				if after := time.Since(start); after < test.after || after > test.after+20*time.Second {
					t.Errorf("the connection ends after %v, want %v", after, test.after)
				}
			})
		})
	}
}

// TestSlowBodyOverHTTP2 checks that the request of a server stream must arrive in time, although its
// client answers pings.
func TestSlowBodyOverHTTP2(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, p *pipes) {
		c := p.connectHTTP2(t, false)
		defer c.Close()
		start := time.Now()
		if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block, EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
		part := []byte{0, 0, 0, 0, 100} // the prefix of a message
		for range 35 {
			if err := c.WriteData(1, false, part); err != nil {
				t.Fatal(err)
			}
			part = []byte{0}
			time.Sleep(time.Second)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if after := c.at.Sub(start); c.status != "4" || after != server.DefaultTimeout {
			t.Errorf("the call ends with status %q after %v, want 4 after %v", c.status, after, server.DefaultTimeout)
		}
	})
}

// TestUnreadSmallResponses checks that a response is dropped that its client does not read, however
// small it is.
func TestUnreadSmallResponses(t *testing.T) {
	const framed = "\x00\x00\x00\x00\x03\x0a\x01a"
	const most = 2 * server.DefaultSendTimeout
	for _, test := range []struct{ method, contentType, body string }{
		{"One", "application/grpc", framed},
		{"One", "application/grpc-web", framed},
		{"Many", "application/grpc-web", framed},
		{"One", "application/json", `"a"`},
		{"One", "text/plain", `"a"`}, // rejected
	} {
		name := test.method + ", " + test.contentType
		t.Run(name+", HTTP/1.1", func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, p *pipes) {
				conn, theirs := net.Pipe()
				defer conn.Close()
				p.conns <- theirs
				request := post(test.method, test.contentType, strconv.Itoa(len(test.body)), test.body)
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
				time.Sleep(most + time.Second)
				if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
					t.Errorf("the response %q is still there, %v", got, err)
				}
			})
		})
		if test.body != framed {
			continue // net/http sends these when their calls have finished, without a time limit
		}
		t.Run(name+", HTTP/2", func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, p *pipes) {
				c := p.connectHTTP2(t, false)
				defer c.Close()
				headers := http2.HeadersFrameParam{
					StreamID: 1, BlockFragment: headersOf(test.method, test.contentType), EndHeaders: true,
				}
				if err := errors.Join(
					c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}),
					c.WriteHeaders(headers), c.WriteData(1, true, []byte(test.body)),
				); err != nil {
					t.Fatal(err)
				}
				select {
				case <-c.reset:
				case <-time.After(most + time.Second):
					t.Error("the call is not reset")
				}
			})
		})
	}
}
