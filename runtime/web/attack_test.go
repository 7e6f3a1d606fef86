package web_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestRapidReset opens and resets many calls on one connection (CVE-2023-44487): no more methods
// run at a time than the connection may have calls, although they ignore their contexts.
func TestRapidReset(t *testing.T) {
	release := make(chan struct{})
	var running, most atomic.Int64
	impl := echo
	impl.OneFunc = func(_ context.Context, req *Text) (*Text, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for now := most.Load(); n > now && !most.CompareAndSwap(now, n); now = most.Load() {
		}
		<-release
		return req, nil
	}
	r := serve(t, impl, config{})
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { // the server acknowledges, and closes the connection in the end
		defer close(closed)
		_, _ = io.Copy(io.Discard, conn)
	}()
	frames := http2.NewFramer(conn, nil)
	if err := frames.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	headers := hpack.NewEncoder(&block)
	for id := uint32(1); id < 20_000; id += 2 {
		block.Reset()
		for _, field := range [][2]string{
			{":method", "POST"}, {":path", one}, {":scheme", "http"}, {":authority", "x"}, {"content-type", "application/json"},
		} {
			_ = headers.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		err := frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true})
		if err == nil {
			err = frames.WriteData(id, true, []byte(`"a"`))
		}
		if err == nil {
			err = frames.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		if err != nil {
			break // the server has closed the connection
		}
	}
	echotest.Within(t, closed)
	if n := most.Load(); n > server.MaxConcurrentStreams {
		t.Errorf("%d methods ran at a time", n)
	}
	close(release)
	eventually(t, "the end of all calls", func() bool { return r.Status().Calls == 0 })
	r.alive(t)
}

// TestCallersThatLeave has many callers of all kinds over all protocols leave at any time: nothing
// is left of their calls, and the counts are right.
func TestCallersThatLeave(t *testing.T) {
	impl := echo
	impl.ManyFunc = func(ctx context.Context, req *Text) runtime.Stream[Text] {
		return func(yield func(*Text, error) bool) {
			for range 50 {
				if !yield(req, nil) {
					return
				}
			}
		}
	}
	r := serve(t, impl, config{})
	clients := make([]connectClient, len(protocols))
	for i, p := range protocols {
		clients[i] = r.clientOf(t, p)
	}
	var callers sync.WaitGroup
	for i := range clients {
		for range 4 {
			callers.Go(func() {
				for range 25 {
					ctx, cancel := context.WithTimeout(echotest.Context(t), time.Duration(rand.IntN(8_000))*time.Microsecond)
					for kind, call := range kinds {
						if kind == "Chat" && !protocols[i].two {
							continue
						}
						_, _ = call(ctx, clients[i])
					}
					stream, err := clients[i].CallServerStream(ctx, spec("Many", connect.StreamTypeServer), text("a"))
					if err == nil {
						_ = stream.Close() // unread
					}
					cancel()
				}
			})
		}
	}
	callers.Wait()
	eventually(t, "the end of all calls", func() bool { return r.Status().Calls == 0 })
	r.alive(t)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}
