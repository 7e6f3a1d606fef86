package server

import (
	"cmp"
	"context"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// serverStream is grpc's stream with the context of the call and the policy's checks of each
// message.
type serverStream struct {
	grpc.ServerStream
	ctx    context.Context
	call   *callContext
	live   liveCall               // in the method's list
	watch  *streamWatch           // nil where the policy bounds no time
	ended  atomic.Pointer[error]  // why there are no more messages
	whole  atomic.Bool            // all requests were received
	grants atomic.Pointer[grants] // of the permission; see guard.next
	forms  streamFormat           // of messages that many streams send
}

func (s *serverStream) Context() context.Context { return s.ctx }

// SetHeader holds the header back until the first response.
func (s *serverStream) SetHeader(md metadata.MD) error {
	if s.call.call.method.without.heldHeaders {
		return s.ServerStream.SetHeader(md)
	}
	return s.call.header.Set(md, s.ServerStream.SetHeader)
}

// SendHeader sends the header now.
func (s *serverStream) SendHeader(md metadata.MD) error {
	if s.call.call.method.without.heldHeaders {
		return s.ServerStream.SendHeader(md)
	}
	return s.call.header.Send(md, s.ServerStream.SendHeader)
}

// end makes RecvMsg and SendMsg return because; the first reason counts.
func (s *serverStream) end(because error) { s.ended.CompareAndSwap(nil, &because) }

func (s *serverStream) transport() grpc.ServerStream { return s.ServerStream }

// over returns why the stream has ended, or nil while it has not.
func (s *serverStream) over() error {
	if because := s.ended.Load(); because != nil {
		return *because
	}
	return nil
}

// recovered turns a panic of a validator or a codec into an error. The method may receive in a
// separate goroutine, where nothing else recovers. Defer it directly.
func (s *serverStream) recovered(err *error) {
	if value := recover(); value != nil {
		*err = s.reject(s.call.call.method.panicked(s.call, value))
	}
}

// RecvMsg receives a request and checks it. A rejected request is the last.
func (s *serverStream) RecvMsg(req any) (err error) {
	defer s.recovered(&err)
	if err := s.over(); err != nil {
		return err
	}
	if err := s.ServerStream.RecvMsg(req); err != nil {
		s.whole.CompareAndSwap(false, err == io.EOF)
		if isUndecodable(err) {
			s.call.step.Store(&decodeStep)
		}
		s.awaitCancel()
		return cmp.Or(s.over(), receiveError(err))
	}
	s.watch.touch()
	if err := s.call.call.method.accept(s.ctx, s.call, req); err != nil {
		return s.reject(err)
	}
	return nil
}

// reject ends the stream because of an invalid message.
func (s *serverStream) reject(err error) error {
	s.call.rejection.CompareAndSwap(nil, &err)
	s.end(err)
	return err
}

// SendMsg sends a response. After a cancellation, the response of a client stream is sent only if
// the method has received all requests. Concurrent calls wait for each other.
func (s *serverStream) SendMsg(resp any) (err error) {
	s.Turns().Take()
	sent := false
	defer func() { s.Turns().Done(sent) }()
	defer s.recovered(&err)
	err = s.SendInTurn(resp)
	sent = err == nil
	return err
}

// Turns implements [rpc.TurnStream].
func (s *serverStream) Turns() *each.Turns { return &s.call.call.turns }

// SendInTurn implements [rpc.TurnStream].
func (s *serverStream) SendInTurn(resp any) error {
	if err := s.over(); err != nil {
		return err
	}
	c := s.call
	if c.call.turns.Sent() == 0 {
		if err := s.first(resp); err != nil {
			return err
		}
	}
	if v := c.call.shared.Load(); v != nil {
		c.call.shared.Store(nil)
		resp = s.forms.shared(v, c, s.ServerStream, resp)
	}
	if err := s.ServerStream.SendMsg(resp); err != nil {
		s.awaitCancel()
		return cmp.Or(s.over(), c.rejected(), err)
	}
	s.watch.touch()
	return nil
}

// first prepares the stream for its first response.
func (s *serverStream) first(resp any) error {
	if s.call.call.method.info.Kind == runtime.KindClientStream && !s.whole.Load() {
		if because := s.call.cut(); because != nil {
			return because
		}
	}
	s.call.prepare(resp)
	s.releaseHeader()
	return nil
}

// awaitCancel returns when the context of the method has ended, if that of grpc's stream has.
// Contexts end one after the other, and a method whose send has failed asks its context why.
func (s *serverStream) awaitCancel() {
	if s.ServerStream.Context().Err() != nil {
		<-s.ctx.Done()
	}
}

// releaseHeader sends the header with the first response of a stream.
func (s *serverStream) releaseHeader() {
	s.call.noteUnsent(s.call.header.Release(s.ServerStream.SetHeader))
}
