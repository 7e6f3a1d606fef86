package natshub

import (
	"math"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// maxSeen bounds the publishers of a room whose numbers a feed knows.
const maxSeen = 1024

// feed is a subscription of a room. nats.go calls handle for one message at a time.
type feed struct {
	publisher [8]byte // of the bus
	receive   func(data []byte, lost int)
	stopped   atomic.Bool
	seen      map[laneID]uint64 // the numbers of the last messages
}

// handle receives a message. What is no frame counts as lost: it may be of a later version.
func (f *feed) handle(msg *nats.Msg) {
	id, number, data, ok := decodeFrame(msg.Data)
	lost := 1
	if ok {
		var late bool
		if lost, late = f.lostBefore(id, number); late {
			return
		}
	}
	if !f.stopped.Load() {
		f.receive(data, lost)
	}
}

// lostBefore returns how many messages of a publisher are missing before one, or that it is late:
// the publisher has connected to another server, and what it sent before took longer.
func (f *feed) lostBefore(id laneID, number uint64) (lost int, late bool) {
	last, known := f.seen[id]
	if known && number <= last {
		return 0, true
	}
	if !known && len(f.seen) >= maxSeen {
		clear(f.seen) // publishers come and go; those that stay are known again with a message
	}
	f.seen[id] = number
	if !known || [8]byte(id[:8]) == f.publisher {
		return 0, false
	}
	return int(min(number-last-1, math.MaxInt32)), false
}
