package subscription

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// clockSkew is how much later than its append an event's own time may be and still be found by
// time.
const clockSkew = time.Minute

// start sets the reader to where a request starts.
func (s *serving[Resp]) start(req protoreflect.Message) error {
	lines, err := s.linesOf(req)
	if err != nil {
		return err
	}
	if len(s.position) > 0 {
		if token := s.position.Text(req); token != "" {
			return s.startAfter(token)
		}
	}
	at, err := s.choose(lines)
	if err != nil {
		return err
	}
	s.reader, s.chosen = s.log.Reader(at), true
	return nil
}

// startAfter starts after the position of a token.
func (s *serving[Resp]) startAfter(token string) error {
	at, err := s.sealer.open(token)
	switch {
	case errors.Is(err, eventlog.ErrUnknown):
		bounds, failure := s.log.Bounds(s.ctx)
		if failure != nil {
			return failure
		}
		return lost(err, s.token(bounds.Earliest()))
	case err != nil:
		return invalid(ReasonPositionInvalid, s.names.Position,
			"is not a position of this subscription; send a position unchanged, or none to start anew").
			WithCause(err)
	}
	s.reader, s.resumed = s.log.Reader(at), true
	return nil
}

// choose returns the position at which a request without one starts, if it asks for the given
// number of lines.
func (s *serving[Resp]) choose(lines int) (eventlog.Position, error) {
	if since := s.filter.since; !since.IsZero() {
		if len(s.time) > 0 {
			since = since.Add(-clockSkew)
		}
		return s.log.Seek(s.ctx, since)
	}
	bounds, err := s.log.Bounds(s.ctx)
	if err != nil {
		return eventlog.Position{}, err
	}
	switch {
	case lines > 0:
		return s.before(bounds, lines)
	case s.options.earliest:
		return bounds.Earliest(), nil
	}
	return bounds.Head(), nil
}

// linesOf returns the number of events before the head that a request asks for.
func (s *serving[Resp]) linesOf(req protoreflect.Message) (int, error) {
	if len(s.lines) == 0 {
		return 0, nil
	}
	lines := s.lines.Integer(req)
	if lines < 0 {
		return 0, invalid(ReasonStartInvalid, s.names.Lines,
			fmt.Sprintf("is %d; it must not be negative", lines))
	}
	return int(min(lines, int64(s.options.maxLines))), nil
}

const (
	// maxScan is how many events before the head are searched for lines that pass.
	maxScan = 100_000
	// maxWindow is how many of them are searched at a time.
	maxWindow = 4096
)

// before returns the position before the last n events that pass. It searches backwards, a window
// at a time.
func (s *serving[Resp]) before(bounds eventlog.Bounds, n int) (eventlog.Position, error) {
	at, floor := bounds.Head(), bounds.Earliest().Sequence
	if at.Sequence > maxScan {
		floor = max(floor, at.Sequence-maxScan)
	}
	for window := uint64(max(64, n)); at.Sequence > floor; window = min(2*window, maxWindow) {
		start := at
		start.Sequence = max(floor, at.Sequence-min(window, at.Sequence))
		passing, err := s.passing(start, at)
		var gone *eventlog.PositionError
		if errors.As(err, &gone) {
			return gone.Earliest, nil // trimmed meanwhile: what is left is less than was searched
		}
		if err != nil {
			return at, err
		}
		if len(passing) >= n {
			at.Sequence = passing[len(passing)-n] - 1
			return at, nil
		}
		n -= len(passing)
		at = start
	}
	return at, nil
}

// passing returns the sequence numbers of the events between two positions that pass.
func (s *serving[Resp]) passing(from, to eventlog.Position) (numbers []uint64, err error) {
	r := s.log.Reader(from)
	for r.Position().Sequence < to.Sequence {
		e, err := r.Next(s.ctx)
		if err != nil || e == nil {
			return numbers, err
		}
		if s.passes(e) {
			numbers = append(numbers, e.Position.Sequence)
		}
	}
	return numbers, s.ctx.Err()
}
