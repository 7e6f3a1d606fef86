package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// socket opens a connection to the web address, over TLS unless config is nil.
func (r *running) socket(t *testing.T, config *tls.Config, protocol string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) // TLS would wait for a server that does not read
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if config == nil {
		return conn
	}
	config = config.Clone()
	config.ServerName, config.NextProtos = "127.0.0.1", []string{protocol}
	secured := tls.Client(conn, config)
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secured
}

// serveEither serves impl with or without TLS.
func serveEither(
	t *testing.T, secured bool, impl echotest.Service, c config,
) (*running, *tls.Config) {
	t.Helper()
	if secured {
		return serveTLS(t, impl, c)
	}
	return serve(t, impl, c), nil
}

// framer opens a connection of HTTP/2 whose flow control permits everything.
func framer(t *testing.T, conn net.Conn) *http2.Framer {
	t.Helper()
	frames := http2.NewFramer(conn, conn)
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: math.MaxInt32})
	}
	if err == nil {
		err = frames.WriteWindowUpdate(0, math.MaxInt32-1<<16)
	}
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// request returns the encoded headers of a request.
func request(path, contentType string) []byte {
	var block bytes.Buffer
	headers := hpack.NewEncoder(&block)
	for _, field := range [][2]string{
		{":method", "POST"}, {":path", path}, {":scheme", "http"}, {":authority", "x"},
		{"content-type", contentType},
	} {
		_ = headers.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	return block.Bytes()
}

// TestStalledConnections checks clients that read nothing any more, although the flow control of
// HTTP/2 permits all their streams to send: their calls end.
func TestStalledConnections(t *testing.T) {
	large := text(strings.Repeat("x", 1<<20))
	impl := echo
	ended := make(chan struct{}, 8)
	impl.ManyFunc = func(context.Context, *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			defer func() { ended <- struct{}{} }()
			for yield(large, nil) {
			}
		}
	}
	options := []server.Option{
		server.WithSendTimeout(200 * time.Millisecond), server.WithShutdownTimeout(time.Minute),
	}
	const head = "POST /test.v1.Echo/Many HTTP/1.1\r\nHost: x\r\n" +
		"Content-Type: application/connect+json\r\nContent-Length: 8\r\n\r\n"
	for name, test := range map[string]struct{ secured, two bool }{
		"HTTP/1.1":          {false, false},
		"HTTP/1.1 over TLS": {true, false},
		"HTTP/2":            {false, true},
		"HTTP/2 over TLS":   {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, trusted := serveEither(t, test.secured, impl, config{options: options})
			if test.two {
				frames := framer(t, r.socket(t, trusted, "h2"))
				headers := request("/test.v1.Echo/Many", "application/connect+json")
				for id := uint32(1); id < 6; id += 2 {
					err := frames.WriteHeaders(http2.HeadersFrameParam{
						StreamID: id, BlockFragment: headers, EndHeaders: true,
					})
					if err == nil {
						err = frames.WriteData(id, true, []byte(envelope(0, 3, []byte(`"a"`))))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				echotest.Within(t, ended)
				echotest.Within(t, ended)
			} else {
				_, err := io.WriteString(r.socket(t, trusted, "http/1.1"), head+envelope(0, 3, []byte(`"a"`)))
				if err != nil {
					t.Fatal(err)
				}
			}
			echotest.Within(t, ended)
			eventually(t, "the end of the calls", func() bool { return r.Status().Calls == 0 })
			if !test.secured {
				r.alive(t)
			}
		})
	}
}

// TestShutdownDropsTheEndsOfResponses checks connections of HTTP/1.1 whose clients do not read. The
// server sends the last bytes of a response when its call has ended.
func TestShutdownDropsTheEndsOfResponses(t *testing.T) {
	const body = 1000
	unread := "POST " + one + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Content-Length: 1002\r\n\r\n" + `"` + strings.Repeat("a", body) + `"`
	for name, secured := range map[string]bool{"plain text": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			c := config{options: []server.Option{server.WithShutdownTimeout(time.Hour)}}
			r, trusted := serveEither(t, secured, echo, c)
			conn := r.socket(t, trusted, "http/1.1")
			var err error
			for err == nil {
				_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
				_, err = io.WriteString(conn, unread) // until the server cannot send
			}
			start := time.Now()
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 10*time.Second { // the kernel closes it after 20 s
				t.Errorf("the shutdown takes %v", took)
			}
		})
	}
}
