package hub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
)

// ErrTooLarge is the error of [Bus.Publish], possibly wrapped, for data that the bus can never
// carry. [Hub.Publish] then returns RESOURCE_EXHAUSTED instead of UNAVAILABLE.
var ErrTooLarge = errors.New("hub: the message is too large for the bus")

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

// LimitedBus is a [Bus] that limits the size of data. A hub with such a bus rejects a larger
// message before any member has it.
type LimitedBus interface {
	Bus
	// MaxBytes returns the maximum length of data, or 0 if it is not known yet. It may change.
	MaxBytes() int64
}

// origin identifies a hub on a bus, so that it ignores its own messages.
type origin [16]byte

// String returns the origin as text.
func (o origin) String() string { return hex.EncodeToString(o[:]) }

// newOrigin returns a random origin.
func newOrigin() (o origin) {
	_, _ = rand.Read(o[:]) // never fails
	return o
}

// format is the first byte of data on a bus. The origin follows, and the encoded message.
const format = 1

// busHead is the number of bytes before the encoded message.
const busHead = 1 + int64(len(origin{}))

// checkSize rejects an encoded message that the bus cannot carry.
func (h *Hub[T]) checkSize(size int64) error {
	limited, ok := h.settings.bus.(LimitedBus)
	if !ok {
		return nil
	}
	if limit := limited.MaxBytes(); limit > 0 && size+busHead > limit {
		return tooLarge(size, max(limit-busHead, 0))
	}
	return nil
}

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
