package hub

import (
	"context"
	"crypto/rand"
	"sync"
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

// feed is the subscription of a room, for as long as the room has members.
type feed[T any] struct {
	mu      sync.Mutex
	stop    func()
	pending chan struct{} // closed when the attempt that runs is over; nil without one
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
