package hub

import (
	"cmp"
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// session is one call of [Method.Serve]. A goroutine reads the requests; that of the call sends.
type session[Req, Resp any] struct {
	key     *keyField
	hub     *Hub[Resp]
	handler Handler[Req, Resp]
	reqs    runtime.Stream[Req]
	limits  queueLimits // of the policy
	opts    []MemberOption
	joined  chan struct{} // closed when member is set
	failed  chan error    // receives the error of a reader that did not join

	mu     sync.Mutex
	member *Member[Resp]
	first  *Req // the request with which it joined
	over   bool // the call has ended; a member that joins now leaves again
}

// serve sends what the member receives.
func (s *session[Req, Resp]) serve(ctx context.Context, yield func(*Resp, error) bool) {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.leave(ctx)
	runtime.Go(reading, func(ctx context.Context) error {
		err := errPanicked
		defer func() { s.finish(err) }() // also runs while a panic unwinds to runtime.Go
		err = s.read(ctx)
		return nil // the stream yields err
	})
	member, err := s.await(ctx)
	if err == nil {
		var more bool
		if more, err = s.history(ctx, member, yield); !more && err == nil {
			return
		}
	}
	if err != nil {
		yield(nil, err)
		return
	}
	member.Messages(ctx)(yield)
}

// await waits until the reader has joined.
func (s *session[Req, Resp]) await(ctx context.Context) (*Member[Resp], error) {
	select {
	case <-s.joined:
		return s.member, nil
	case err := <-s.failed:
		return nil, err
	case <-runtime.Draining(ctx):
		return nil, runtime.ErrDraining
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// history sends what precedes the messages of the room; false if the caller has gone.
func (s *session[Req, Resp]) history(
	ctx context.Context, m *Member[Resp], yield func(*Resp, error) bool,
) (more bool, err error) {
	if s.handler.History == nil {
		return true, nil
	}
	more = true
	draining := runtime.Draining(ctx)
	messages := s.handler.History(ctx, m, s.first)
	ignored := each.Range(messages, lateYield(ctx), func(msg *Resp, failure error) bool {
		select {
		case <-draining:
			err = runtime.ErrDraining
		default:
			err = cmp.Or(failure, m.failure())
		}
		more = err == nil && yield(msg, nil)
		return more
	})
	if ignored != nil {
		return false, misuse("History: %w", ignored)
	}
	return more, err
}

// read receives the requests. Its error ends the call.
func (s *session[Req, Resp]) read(ctx context.Context) error {
	var member *Member[Resp]
	for req, err := range s.reqs {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if member == nil {
			if member, err = s.join(ctx, req); err != nil {
				return err
			}
			if s.handler.Receive == nil && s.key.alone(any(req).(proto.Message)) {
				continue
			}
		} else if err := cmp.Or(member.left(), s.check(member, req)); err != nil {
			return err
		}
		if err := s.receive(ctx, member, req); err != nil {
			return err
		}
	}
	if member == nil {
		return invalidKey(s.key.name, "must name a room; send a message")
	}
	return nil
}

// join joins the room that the first message names.
func (s *session[Req, Resp]) join(ctx context.Context, req *Req) (*Member[Resp], error) {
	room := s.key.of(any(req).(proto.Message))
	if wrong := checkKey(room); wrong != "" {
		return nil, invalidKey(s.key.name, wrong)
	}
	if s.handler.Join != nil {
		if err := s.handler.Join(ctx, room, req); err != nil {
			return nil, err
		}
	}
	opts := s.opts
	if s.handler.Name != nil {
		opts = append(opts, WithMemberName(s.handler.Name(req)))
	}
	member, err := s.hub.join(ctx, room, s.limits, opts)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.member, s.first = member, req
	over := s.over
	s.mu.Unlock()
	if over {
		s.bye(ctx, member)
		return nil, ErrLeft
	}
	close(s.joined)
	return member, nil
}

// check rejects a message for another room.
func (s *session[Req, Resp]) check(m *Member[Resp], req *Req) error {
	room := s.key.of(any(req).(proto.Message))
	if room == "" || room == m.Room() {
		return nil
	}
	return invalidKey(s.key.name,
		"differs from the room of the first message; make another call for another room")
}

// receive calls the handler for a message, or publishes it.
func (s *session[Req, Resp]) receive(ctx context.Context, m *Member[Resp], req *Req) error {
	if s.handler.Receive != nil {
		return s.handler.Receive(ctx, m, req)
	}
	msg, ok := any(req).(*Resp)
	if !ok {
		return misuse("a handler without Receive publishes %T, want %T; set Receive", req, msg)
	}
	if reqMsg := any(req).(proto.Message); s.key.of(reqMsg) == "" {
		s.key.fill(reqMsg.ProtoReflect(), any(s.first).(proto.Message).ProtoReflect())
	}
	return s.hub.Publish(ctx, m.Room(), msg)
}

// finish ends the call with the error of the reader. Without one, the member goes on listening.
func (s *session[Req, Resp]) finish(err error) {
	s.mu.Lock()
	member := s.member
	s.mu.Unlock()
	switch {
	case member == nil:
		s.failed <- err
	case err != nil:
		member.withdraw(err)
	case s.handler.EndWithRequests:
		member.retire()
	}
}

// leave ends the membership, if there is one.
func (s *session[Req, Resp]) leave(ctx context.Context) {
	s.mu.Lock()
	s.over = true
	member := s.member
	s.mu.Unlock()
	if member != nil {
		s.bye(ctx, member)
	}
}

// bye leaves the room, and calls the handler even if the hub's notice panics.
func (s *session[Req, Resp]) bye(ctx context.Context, m *Member[Resp]) {
	if s.handler.Leave != nil {
		defer s.handler.Leave(context.WithoutCancel(ctx), m)
	}
	m.Leave(ctx)
}
