package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestStreamsThatEndEarlyOnTheWire sends streams as few clients end them. grpc before 1.84 never
// answers one whose HEADERS frame ends it, and takes one that ends inside a message for complete.
func TestStreamsThatEndEarlyOnTheWire(t *testing.T) {
	const message = "\x00\x00\x00\x00\x03\x0a\x01a" // "a" as a StringValue, with its prefix of five bytes
	for name, test := range map[string]struct {
		data    string
		inFrame bool // the HEADERS frame ends the stream
		want    codes.Code
	}{
		"no message, ended by HEADERS":    {inFrame: true, want: codes.OK},
		"no message, ended by DATA":       {want: codes.OK},
		"a message":                       {data: message, want: codes.OK},
		"inside the prefix":               {data: message[:3], want: codes.Internal},
		"after the prefix":                {data: message[:5], want: codes.Internal},
		"inside a message":                {data: message[:7], want: codes.Internal},
		"inside the prefix of the second": {data: message + message[:2], want: codes.Internal},
		"inside the second message":       {data: message + message[:6], want: codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"Join", "Chat"} {
				srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
				server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{}), echotest.Behaving(func(context.Context) error { return nil }))
				framer := rawConn(t, echotest.ListenAndServe(t, srv))
				headers := http2.HeadersFrameParam{
					StreamID: 1, EndHeaders: true, EndStream: test.inFrame,
					BlockFragment: requestHeaders(t, "/test.v1.Echo/"+method),
				}
				if err := framer.WriteHeaders(headers); err != nil {
					t.Fatal(err)
				}
				if !test.inFrame {
					if err := framer.WriteData(1, true, []byte(test.data)); err != nil {
						t.Fatal(err)
					}
				}
				if got := readStatus(t, framer); got != test.want {
					t.Errorf("%s: %v, want %v", method, got, test.want)
				}
			}
		})
	}
}

// rawConn connects to addr as a client of HTTP/2.
func rawConn(t *testing.T, addr string) *http2.Framer {
	t.Helper()
	return rawFramer(t, connect(t, addr))
}

// rawFramer begins HTTP/2 on a connection as a client.
func rawFramer(t *testing.T, conn net.Conn) *http2.Framer {
	t.Helper()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return framer
}
