package subscription

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Serve returns the events of a log that a request selects, and continues with new ones until the
// call ends:
//
//   - It starts after the request's position; without one, at the request's time; without that,
//     with the last lines that the filters let pass; without those, with the next event.
//   - A position that was changed, or belongs to another method or log, is INVALID_ARGUMENT, reason
//     POSITION_INVALID. If events after it were trimmed, it is OUT_OF_RANGE, reason
//     POSITION_EXPIRED; if it belongs to another incarnation of the log, POSITION_UNKNOWN.
//   - It sends each event once, in the order of the log, with its position. A subscriber that
//     falls behind is not slowed down and slows no other; if events are trimmed before they were
//     sent, it gets POSITION_EXPIRED.
//   - When the server drains, the stream ends with [runtime.ErrDraining] after the events at hand.
//
// The stream must be ranged over in the goroutine of the call. Events are shared: neither filters
// nor interceptors may modify them.
func (m *Method[S, Req, Resp]) Serve(
	ctx context.Context, req *Req, log *eventlog.Log[Resp], opts ...Option,
) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		s, err := m.newServing(ctx, req, log, opts)
		if err == nil {
			err = s.start(reflectOf(req))
		}
		if err != nil {
			m.counts.reject(err)
			yield(nil, err)
			return
		}
		m.active.Add(1)
		defer m.active.Add(-1)
		defer s.beat.stop()
		s.run(yield)
	}
}

// newServing resolves what a call of [Method.Serve] needs.
func (m *Method[S, Req, Resp]) newServing(
	ctx context.Context, req *Req, log *eventlog.Log[Resp], opts []Option,
) (*serving[Resp], error) {
	shape, err := m.shape()
	if err != nil {
		return nil, err
	}
	if log == nil {
		return nil, misuse("%s: the log is nil", m.info.FullMethod)
	}
	o := limitsIn(m.info.PolicyIn(ctx))
	for _, opt := range opts {
		opt(&o)
	}
	s := &serving[Resp]{
		shape: shape, ctx: ctx, log: log, options: o, active: &m.active, counts: &m.counts, draining: runtime.Draining(ctx),
	}
	if s.keep, err = filtersOf[Resp](&o); err != nil {
		return nil, misuse("%s: %w", m.info.FullMethod, err)
	}
	if s.filter, err = shape.newFilter(reflectOf(req)); err != nil {
		return nil, err
	}
	if len(shape.nextPosition) > 0 {
		s.sealer = newSealer(callctx.TokenRing(ctx), m.info.FullMethod, log.Name())
	}
	if shape.marks && marksAsked(ctx) {
		s.beat = newBeat(o.heartbeat)
	}
	return s, nil
}

// marksKey is the metadata key with which clients ask for marks, with the value "1".
const marksKey = "grpcservice-marks"

// marksAsked reports whether the caller asks for marks.
func marksAsked(ctx context.Context) bool {
	values := metadata.ValueFromIncomingContext(ctx, marksKey)
	return len(values) > 0 && values[0] == "1"
}
