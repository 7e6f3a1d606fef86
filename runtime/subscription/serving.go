package subscription

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// serving is one call of [Method.Serve]: a cursor in the log.
type serving[Resp any] struct {
	*shape
	ctx      context.Context
	log      *eventlog.Log[Resp]
	options  options
	active   *atomic.Int64 // calls of the method
	counts   *counts
	draining <-chan struct{}
	filter   filter
	keep     []func(*Resp) bool
	sealer   *sealer // nil if responses have no position
	beat     *beat   // nil if the client gets no marks

	reader *eventlog.Reader[Resp]
	// chosen reports that the server chose the start and has not read from it yet. If events are
	// trimmed in the meantime, the client misses none that it knows of.
	chosen  bool
	resumed bool // whether the request has a position, until an event after it is read
}

// perTurn is how many events a stream takes from the log before it looks up.
const perTurn = 256

// run sends events until the stream ends.
func (s *serving[Resp]) run(yield func(*Resp, error) bool) {
	for {
		atHead, more := s.turn(yield)
		if !more {
			return
		}
		if err := s.ended(); err != nil {
			yield(nil, err)
			return
		}
		if s.beat.due(atHead) {
			if !yield(s.mark(), nil) {
				return
			}
		}
		if atHead {
			s.wait()
		}
	}
}

// turn sends the events at hand.
func (s *serving[Resp]) turn(yield func(*Resp, error) bool) (atHead, more bool) {
	for range perTurn {
		e, err := s.reader.Next(s.ctx)
		if err != nil {
			if s.restart(err) {
				continue
			}
			yield(nil, s.fail(err))
			return false, false
		}
		if s.resumed {
			s.resumed = false
			s.counts.resumed.Add(1)
		}
		if e == nil {
			s.chosen = false // the client is at the head, and misses what is trimmed from now on
			return true, true
		}
		s.chosen = false
		if !s.passes(e) {
			continue
		}
		s.beat.sent()
		if !yield(s.response(e), nil) {
			return false, false
		}
	}
	return false, true
}

// ended returns the error with which the stream must end now.
func (s *serving[Resp]) ended() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.draining:
		return runtime.ErrDraining
	default:
		return nil
	}
}

// wait returns when the log, the call, the server or the time requires another turn.
func (s *serving[Resp]) wait() {
	select {
	case <-s.reader.Changed():
	case <-s.beat.c():
		s.beat.elapse()
	case <-s.draining:
	case <-s.ctx.Done():
	}
}

// restart moves a start that the server chose, if it was trimmed, to the earliest event.
func (s *serving[Resp]) restart(err error) bool {
	var gone *eventlog.PositionError
	if !s.chosen || !errors.As(err, &gone) {
		return false
	}
	s.reader = s.log.Reader(gone.Earliest)
	return true
}

// fail returns the caller's error for an error of the log.
func (s *serving[Resp]) fail(err error) error {
	var gone *eventlog.PositionError
	if !errors.As(err, &gone) {
		return err
	}
	err = lost(err, s.token(gone.Earliest))
	s.counts.reject(err)
	return err
}

// token returns the client's token of a position, or "" if the method has none.
func (s *serving[Resp]) token(p eventlog.Position) string {
	if s.sealer == nil {
		return ""
	}
	return s.sealer.seal(p)
}

// passes reports whether an event is sent.
func (s *serving[Resp]) passes(e *eventlog.Entry[Resp]) bool {
	if !s.filter.isEmpty() && !s.filter.passes(s.traits(e)) {
		return false
	}
	for _, keep := range s.keep {
		if !keep(e.Message) {
			return false
		}
	}
	return true
}

// traits returns the traits of an event, which are computed once for all subscribers.
func (s *serving[Resp]) traits(e *eventlog.Entry[Resp]) *traits {
	if e.Derived == nil {
		return s.traitsOf(reflectOf(e.Message), e.Time)
	}
	if found, ok := e.Derived.Load(s.shape, nil).(*traits); ok {
		return found
	}
	return e.Derived.LoadOrStore(s.shape, nil, s.traitsOf(reflectOf(e.Message), e.Time)).(*traits)
}

// response returns the response for an event. If other subscribers may need it too, it is made
// and encoded once for all.
func (s *serving[Resp]) response(e *eventlog.Entry[Resp]) *Resp {
	if e.Derived == nil {
		s.place(e.Message, e.Position)
		return e.Message
	}
	shared := s.shared(e)
	if s.active.Load() > 1 {
		encoded.Next(encoded.SenderOf(s.ctx), shared)
	}
	return shared.Message()
}

// shared returns the response for an event of the tail.
func (s *serving[Resp]) shared(e *eventlog.Entry[Resp]) *encoded.Shared[Resp] {
	var ring *seal.Ring // nil if responses have no position
	if s.sealer != nil {
		ring = s.sealer.ring
	}
	if found, ok := e.Derived.Load(s.shape, ring).(*encoded.Shared[Resp]); ok {
		return found
	}
	resp := e.Message
	if s.sealer != nil {
		resp = cloneOf(e.Message)
		s.place(resp, e.Position)
	}
	return e.Derived.LoadOrStore(s.shape, ring, encoded.Share(resp)).(*encoded.Shared[Resp])
}

// place writes a position into a response.
func (s *serving[Resp]) place(resp *Resp, p eventlog.Position) {
	if s.sealer != nil {
		s.nextPosition.SetText(reflectOf(resp), s.sealer.seal(p))
	}
}

// mark returns a response that has the position alone.
func (s *serving[Resp]) mark() *Resp {
	resp := new(Resp)
	s.nextPosition.SetText(reflectOf(resp), s.sealer.seal(s.reader.Position())+markSuffix)
	return resp
}
