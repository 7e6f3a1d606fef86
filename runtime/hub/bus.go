package hub

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Bus carries messages between the hubs of replicas. Package bustest has the tests that every
// implementation must pass. All methods may be called concurrently.
//
// A bus delivers each message at most once and may lose messages. A hub delivers to its own members
// before it publishes on the bus, so that they work without it. Each replica knows only its own
// members.
type Bus interface {
	// Publish sends data to the subscriptions of a room, those of the same process included. Those
	// receive the messages of one publisher in the order of its calls. Publish does not wait for
	// subscribers, and must not keep or change data after it has returned.
	Publish(ctx context.Context, room string, data []byte) error

	// Subscribe calls receive for each message that is published in a room after Subscribe has
	// returned, until stop is called. ctx bounds the call of Subscribe only. A room may have several
	// subscriptions, and each receives all messages.
	//
	// receive is called for one message at a time, and may wait. lost is how many messages the bus
	// knows to be missing before this one; data is nil if there is only a loss. receive may keep
	// data. It may call Publish and stop.
	//
	// stop does not wait for a call of receive; none starts after it has returned. It may be called
	// more than once.
	Subscribe(
		ctx context.Context, room string, receive func(data []byte, lost int),
	) (stop func(), err error)
}

// origin identifies a hub on a bus, so that it ignores its own messages.
type origin [16]byte

// newOrigin returns a random origin.
func newOrigin() (o origin) {
	_, _ = rand.Read(o[:]) // never fails
	return o
}

// format is the first byte of data on a bus. The origin follows, and the encoded message.
const format = 1

// forward sends a message to other replicas.
func (h *Hub[T]) forward(ctx context.Context, key string, msg *T) error {
	bus := h.settings.bus
	if bus == nil {
		return nil
	}
	data := append(append(make([]byte, 0, 512), format), h.origin[:]...)
	data, err := proto.MarshalOptions{}.MarshalAppend(data, any(msg).(proto.Message))
	if err != nil {
		return misuse("%T cannot be encoded: %w", msg, err)
	}
	if err := bus.Publish(ctx, key, data); err != nil {
		return h.busFailed(err)
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

// feed is the subscription of a room, for as long as the room has members.
type feed[T any] struct {
	mu      sync.Mutex
	stop    func()
	pending chan struct{} // closed when the attempt that runs is over; nil without one
}

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

// close ends the subscription for good.
func (f *feed[T]) close() {
	f.mu.Lock()
	stop := f.stop
	f.stop = nil
	f.mu.Unlock()
	if stop != nil {
		stop()
	}
}
