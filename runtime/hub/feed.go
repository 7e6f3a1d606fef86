package hub

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// ensure subscribes once. Members that join meanwhile wait for it, and try it themselves if it
// fails.
func (f *feed[T]) ensure(ctx context.Context, r *room[T]) error {
	if r.hub.settings.bus == nil {
		return nil
	}
	for {
		f.mu.Lock()
		pending := f.pending
		switch {
		case f.stop != nil:
			f.mu.Unlock()
			return nil
		case pending == nil:
			f.pending = make(chan struct{})
			f.mu.Unlock()
			return f.subscribe(ctx, r)
		}
		f.mu.Unlock()
		select {
		case <-pending:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *feed[T]) subscribe(ctx context.Context, r *room[T]) error {
	var stop func()
	defer func() { // also if the bus panics
		f.mu.Lock()
		defer f.mu.Unlock()
		close(f.pending)
		f.pending, f.stop = nil, stop
	}()
	stop, err := r.hub.settings.bus.Subscribe(ctx, r.key, r.receive)
	if err != nil {
		stop = nil
		return r.hub.busFailed(err)
	}
	return nil
}

// receive delivers what the bus has for a room. Data that is no message of another hub is a loss.
func (r *room[T]) receive(data []byte, lost int) {
	ctx := context.Background()
	env, own := r.hub.decodeRecovered(ctx, data)
	if env == nil && data != nil && !own {
		lost++
	}
	if lost > 0 {
		r.hub.counts.busLost.Add(int64(lost))
		r.lose(ctx, lost)
	}
	if env != nil {
		r.hub.counts.busReceived.Add(1)
		_ = r.publish(ctx, env, 0) // does not fail with this context
	}
}

// decodeRecovered is decode where nothing else recovers: the function of WithConflate may panic.
func (h *Hub[T]) decodeRecovered(ctx context.Context, data []byte) (env *envelope[T], own bool) {
	defer func() {
		if value := recover(); value != nil {
			report.Panic(ctx, slog.Default(), value)
			env, own = nil, false
		}
	}()
	return h.decode(data)
}

// decode returns the message in data, or whether it is the hub's own.
func (h *Hub[T]) decode(data []byte) (env *envelope[T], own bool) {
	if len(data) < 1+len(h.origin) || data[0] != format {
		return nil, false
	}
	if origin(data[1:1+len(h.origin)]) == h.origin {
		return nil, true
	}
	msg := new(T)
	if proto.Unmarshal(data[1+len(h.origin):], any(msg).(proto.Message)) != nil {
		return nil, false
	}
	env, err := h.wrap(msg)
	if err != nil {
		return nil, false
	}
	return env, false
}
