package client

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Bidi calls an RPC with a stream both ways. Each range over the responses makes a call; it ranges over reqs in a
// goroutine of its own while the responses are yielded in the caller's.
//
// An error that reqs yields cancels the call and is what the responses end with, as a status (see [ClientStream]), unless the call
// has ended by itself. A panic in reqs is raised again, as a [RequestPanic], where the responses are ranged over. A nil message and
// a nil reqs are INTERNAL.
//
// When the responses end, or the loop over them breaks, the call is cancelled and takes no more requests. The range does not
// wait for reqs to return: one that reads the requests of a server call, as a proxy's does, returns only when that call
// ends, and would wait for the proxy in turn. So reqs should end with a context, and must not assume that the loop over the
// responses goes on. A panic that comes after the range is logged to slog's default logger.
func Bidi[Resp, Req any](ctx context.Context, m *Method, reqs runtime.Stream[Req]) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		if reqs == nil {
			yield(nil, m.misuse(nilRequests))
			return
		}
		c, err := m.open(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer release[Resp](c)
		s := &sender{call: c}
		defer s.stop() // also when the loop's body panics
		go runSender(ctx, s, m, reqs)
		err = eachResponse(c, yield)
		failure := s.stop()
		if err == nil { // the consumer has stopped
			return
		}
		if err = c.endedBy(ctx, err, failure); err != nil && err != io.EOF {
			yield(nil, err)
		}
	}
}

// RequestPanic is what a panic in a goroutine that sends requests becomes in the goroutine that made the call: the request
// stream of a bidi call panicked, or an interceptor of a hedged one.
type RequestPanic struct {
	// Value is what was panicked with.
	Value any
	// Stack is the stack of the goroutine that panicked, as [debug.Stack] formats it.
	Stack []byte
}

// Error returns the value and the stack, since it is what ends the process when nobody recovers.
func (p *RequestPanic) Error() string {
	return fmt.Sprintf("panic while requests were sent: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error.
func (p *RequestPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// requestPanicOf returns a recovered value as a RequestPanic. It must run while the panicking frames are still on the stack.
func requestPanicOf(value any) *RequestPanic {
	switch p := value.(type) {
	case *RequestPanic: // of a call that was made in the request stream
		return p
	case *each.Panic:
		return &RequestPanic{Value: p.Value, Stack: p.Stack}
	default:
		return &RequestPanic{Value: value, Stack: debug.Stack()}
	}
}

// sender sends the requests of one bidi call.
type sender struct {
	call *clientCall

	mu    sync.Mutex // held while grpc sends: after stop nothing is
	over  bool       // the responses have ended
	err   error      // what the request stream failed with before that
	panic *RequestPanic
}

// runSender sends reqs until the stream or the call ends.
func runSender[Req any](ctx context.Context, s *sender, m *Method, reqs runtime.Stream[Req]) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			s.panicked(ctx, value)
			return
		}
		s.fail(m.misuse("the stream of requests ended its goroutine, as FailNow of a test does; let it yield an error"))
	}()
	err := sendEach(ctx, m, reqs, s.send)
	if err == nil {
		err = s.closeSend()
	}
	if err != nil {
		s.fail(err)
	}
	returned = true
}

func (s *sender) send(req any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return io.EOF
	}
	return s.call.SendMsg(req)
}

func (s *sender) closeSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	return s.call.CloseSend()
}

// fail cancels the call because of err.
func (s *sender) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.call.cancel()
}

// panicked leaves a panic to the goroutine that ranges over the responses, or to the log when that has gone on.
func (s *sender) panicked(ctx context.Context, value any) {
	p := requestPanicOf(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		report.Log(func() {
			slog.ErrorContext(ctx, "panic in a request stream after its call", "panic", p.Value, "stack", string(p.Stack))
		})
		return
	}
	s.panic = p
	s.call.cancel()
}

// stop ends the sending for good and returns what the request stream failed with. Where that was a panic, it goes on here.
func (s *sender) stop() error {
	s.call.cancel() // lets go of a SendMsg that waits for flow control
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if p := s.panic; p != nil {
		s.panic = nil
		panic(p)
	}
	return s.err
}
