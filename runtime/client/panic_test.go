package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// silentChat answers nothing until its caller goes away.
var silentChat = echotest.Funcs{ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
	return func(yield func(*text, error) bool) {
		if yield(wrapperspb.String("first"), nil) {
			<-ctx.Done()
		}
	}
}}

// recovered returns what f panics with.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func panickyRequests(func(*text, error) bool) { panic(io.ErrUnexpectedEOF) }

func TestPanicInARequestStreamIsRaisedWhereItCanBeRecovered(t *testing.T) {
	stub := echotest.Connect(t, silentChat)
	value := recovered(func() { _, _ = echotest.Gather(stub.Chat(echotest.Context(t), panickyRequests)) })
	p, ok := value.(*client.RequestPanic)
	if !ok || p.Value != io.ErrUnexpectedEOF || !errors.Is(p, io.ErrUnexpectedEOF) {
		t.Fatalf("recovered %v", value)
	}
	if !bytes.Contains(p.Stack, []byte("panickyRequests")) || !strings.Contains(p.Error(), "panickyRequests") {
		t.Errorf("the stack does not show who panicked:\n%s", p.Stack)
	}
}

// TestPanicThroughTwoCalls ranges over a call within the requests of another: the panic keeps its
// value.
func TestPanicThroughTwoCalls(t *testing.T) {
	stub := echotest.Connect(t, silentChat)
	ctx := echotest.Context(t)
	value := recovered(func() { _, _ = echotest.Gather(stub.Chat(ctx, stub.Chat(ctx, panickyRequests))) })
	if p, ok := value.(*client.RequestPanic); !ok || p.Value != io.ErrUnexpectedEOF {
		t.Fatalf("recovered %v", value)
	}
}

// syncBuffer is a log that can be awaited.
type syncBuffer struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	written chan struct{}
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer close(b.written)
	return b.buf.Write(p)
}

func TestPanicAfterTheCallIsLogged(t *testing.T) {
	out := &syncBuffer{written: make(chan struct{})}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(out, nil)))
	defer slog.SetDefault(before)
	stub := echotest.Connect(t, silentChat)
	over := make(chan struct{})
	for range stub.Chat(echotest.Context(t), func(func(*text, error) bool) {
		<-over
		panic("too late")
	}) {
		break
	}
	close(over)
	echotest.Within(t, out.written)
	if got := out.buf.String(); !strings.Contains(got, `panic="too late"`) || !strings.Contains(got, "stack=") {
		t.Errorf("the log has: %s", got)
	}
}

func TestRequestStreamThatEndsItsGoroutine(t *testing.T) {
	stub := echotest.Connect(t, silentChat)
	_, err := echotest.Gather(stub.Chat(echotest.Context(t), func(func(*text, error) bool) { goruntime.Goexit() }))
	if err == nil || !strings.Contains(err.Error(), "ended its goroutine") {
		t.Errorf("got %v", err)
	}
}
