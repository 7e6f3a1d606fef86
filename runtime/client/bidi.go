package client

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Bidi calls an RPC with a stream in both directions. Each range over the responses starts a
// call. It ranges over reqs in a separate goroutine while it yields responses in the caller's.
//
// If reqs yields an error, the call is canceled and the responses end with that error as a
// status (see [ClientStream]), unless the call has already ended by itself. A panic in reqs is
// raised again, as a [RequestPanic], in the goroutine that ranges over the responses. A nil
// message or nil reqs is INTERNAL.
//
// When the responses end, or the loop over them breaks, the call is canceled and takes no more
// requests; if the call fails, reqs may be asked for one or two more before. The range does not
// wait for reqs to return: in a proxy, reqs reads the requests of a server call and returns only
// when that call ends, which would wait for the proxy in turn. Therefore reqs should watch a
// context, and must not assume that the loop over the responses is still running. A panic after the
// range is logged to slog's default logger.
func Bidi[Resp, Req any](ctx context.Context, m *Method, reqs runtime.Stream[Req]) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		if reqs == nil {
			yield(nil, m.misuse(nilRequests))
			return
		}
		c, err := m.start(ctx)
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
		if err == nil { // the consumer stopped
			return
		}
		if err = c.end(c.endedBy(ctx, err, failure)); err != nil && err != io.EOF {
			yield(nil, err)
		}
	}
}

// sender sends the requests of one bidi call.
type sender struct {
	call *clientCall

	mu    sync.Mutex // held while grpc sends, so nothing is sent after stop
	final bool       // an io.EOF of SendMsg says that the call has ended
	over  bool       // the responses have ended
	err   error      // error of the request stream before that
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
			s.panicked(value)
			return
		}
		s.fail(m.misuse("the request stream ended its goroutine, as a test's FailNow does; yield an error instead"))
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
	err := s.call.SendMsg(req)
	if err == io.EOF && !s.final {
		// RecvMsg returns why the call has ended, or has retried it with req; see commit.
		s.final, err = true, nil
		s.call.commit()
	}
	return err
}

func (s *sender) closeSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	return s.call.CloseSend()
}

// fail cancels the call with err.
func (s *sender) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.call.cancel()
}

// panicked passes a panic to the goroutine that ranges over the responses, or logs it if that
// goroutine has finished its range.
func (s *sender) panicked(value any) {
	p := requestPanicOf(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		report.Log(func() {
			slog.ErrorContext(s.call.outgoing, "panic in a request stream after its call", "panic", p.Value, "stack", string(p.Stack))
		})
		return
	}
	s.panic = p
	s.call.cancel()
}

// stop stops sending and returns the error of the request stream. If the stream panicked, stop
// panics.
func (s *sender) stop() error {
	s.call.cancel() // unblocks a SendMsg that waits for flow control
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if p := s.panic; p != nil {
		s.panic = nil
		panic(p)
	}
	return s.err
}
