package web_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// memory returns the bytes of the heap and of the stacks in use.
func memory() int {
	var m goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// flood is a connection of HTTP/2 over which a client sends the same frames again and again.
type flood struct {
	unread bool // the client reads nothing
	isOver bool // the server closes the connection
	first  func(*http2.Framer)
	again  func(f *http2.Framer, i uint32)
	last   func(*http2.Framer) // or nil
}

// TestFloods checks that the server closes such a connection or copes with it: its memory stays
// bounded, and it serves others meanwhile.
func TestFloods(t *testing.T) {
	join := http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: request("/test.v1.Echo/Join", "application/grpc"), EndHeaders: true,
	}
	nothing := func(*http2.Framer) {}
	open := func(f *http2.Framer) { _ = f.WriteHeaders(join) } // the buffer returns no errors
	end := func(f *http2.Framer) { open(f); _ = f.WriteData(1, true, nil) }
	begin := func(f *http2.Framer) {
		partial := join
		partial.EndHeaders = false
		_ = f.WriteHeaders(partial)
	}
	ping := func(f *http2.Framer, _ uint32) { _ = f.WritePing(false, [8]byte{}) }
	settings := func(f *http2.Framer, _ uint32) { _ = f.WriteSettings() }
	data := func(f *http2.Framer, _ uint32) { _ = f.WriteData(1, false, nil) }
	header := []byte("\x00\x7f\x81\x07" + strings.Repeat("a", 1024-8) + "\x01a")
	r := serve(t, echo, config{})
	r.alive(t)
	for name, test := range map[string]flood{
		"PING":              {false, false, nothing, ping, nil},
		"PING, unread":      {true, false, nothing, ping, nil},
		"SETTINGS":          {false, false, nothing, settings, nil},
		"SETTINGS, unread":  {true, false, nothing, settings, nil},
		"empty DATA":        {false, false, open, data, nil},
		"DATA of no stream": {false, false, end, data, nil},
		"PRIORITY": {false, false, open, func(f *http2.Framer, i uint32) {
			_ = f.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2*i + 3})
		}, nil},
		"WINDOW_UPDATE": {false, false, open, func(f *http2.Framer, _ uint32) {
			_ = f.WriteWindowUpdate(1, 1)
		}, nil},
		"unknown": {false, false, nothing, func(f *http2.Framer, _ uint32) {
			_ = f.WriteRawFrame(0xfe, 0, 0, nil)
		}, nil},
		"empty CONTINUATION": {false, false, begin, func(f *http2.Framer, _ uint32) {
			_ = f.WriteContinuation(1, false, nil)
		}, func(f *http2.Framer) { _ = f.WriteContinuation(1, true, nil) }},
		"CONTINUATION": {false, true, begin, func(f *http2.Framer, _ uint32) {
			_ = f.WriteContinuation(1, false, header)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) { test.run(t, r) })
	}
	r.alive(t)
}

func (test flood) run(t *testing.T, r *running) {
	before := memory()
	conn := r.socket(t, nil, "")
	var chunk bytes.Buffer
	chunk.WriteString(http2.ClientPreface)
	frames := http2.NewFramer(&chunk, nil)
	_ = frames.WriteSettings()
	test.first(frames)
	if _, err := chunk.WriteTo(conn); err != nil {
		t.Fatal(err)
	}
	answered := make(chan bool, 1)
	if !test.unread {
		go func() { answered <- isAnswered(conn) }()
	}
	const each = 1000
	for i := range uint32(each) {
		test.again(frames, i)
	}
	var failed error
	for i := 0; failed == nil && (test.isOver || i < 16); i++ {
		_, failed = conn.Write(chunk.Bytes())
		if i == 10 {
			r.answersOthers(t)
		}
	}
	if !test.isOver && !test.unread {
		chunk.Reset()
		if test.last != nil {
			test.last(frames)
		}
		_ = frames.WritePing(false, lastPing)
		_, failed = chunk.WriteTo(conn)
	}
	if (failed != nil) != test.isOver || errors.Is(failed, os.ErrDeadlineExceeded) {
		t.Errorf("sending ends with %v", failed)
	}
	if !test.unread && echotest.Within(t, answered) == test.isOver {
		t.Errorf("the connection is over: %v, want %v", !test.isOver, test.isOver)
	}
	r.answersOthers(t)
	if more := memory() - before; more > 3<<20 {
		t.Errorf("%d bytes of memory", more)
	}
	conn.Close()
	eventually(t, "the end of the call", func() bool { return r.Status().Calls == 0 })
}

// lastPing is the data of a ping that shows that the server has read all before it.
var lastPing = [8]byte{1}

// isAnswered reads from a connection, and reports whether the server has answered the last ping.
func isAnswered(conn net.Conn) bool {
	frames := http2.NewFramer(nil, conn)
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			return false
		}
		if ping, ok := frame.(*http2.PingFrame); ok && ping.IsAck() && ping.Data == lastPing {
			return true
		}
	}
}

// answersOthers checks that a new connection is served.
func (r *running) answersOthers(t *testing.T) {
	t.Helper()
	if _, err := kinds["One"](echotest.Context(t), r.clientOf(t, protocols[3])); err != nil {
		t.Errorf("another call: %v", err)
	}
}

// TestIdleConnections opens connections of HTTP/1.1, most of which have made a call: they take
// little memory, others are served, and a shutdown closes them.
func TestIdleConnections(t *testing.T) {
	const many = 1500 // each has two descriptors
	r := serve(t, echo, config{options: []server.Option{
		server.WithMaxConnections(many + 20), server.WithShutdownTimeout(time.Hour),
	}})
	r.alive(t)
	before := memory()
	conns := make([]http1, many)
	for i := range conns {
		conns[i] = r.connect(t)
		if i%10 == 0 {
			continue
		}
		conns[i].send(t, one, "application/json", 3, `"a"`)
		if resp, body := conns[i].receive(t); body != `"a"` {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}
	if each := (memory() - before) / many; each > 48<<10 { // 19 KiB, or 32 KiB with the race detector
		t.Errorf("a connection takes %d bytes", each)
	}
	r.alive(t)
	if err := r.stop(); err != nil { // within 20 s
		t.Error(err)
	}
	for _, conn := range conns {
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		n, err := io.Copy(io.Discard, conn.from)
		if n > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a connection receives %d bytes, %v", n, err)
		}
	}
}
