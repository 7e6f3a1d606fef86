package natshub

import "sync"

// maxLanes bounds each of the two generations of lanes.
const maxLanes = 1 << 15

// lane numbers the messages that this process publishes in a room.
type lane struct {
	id   uint64 // differs between the lanes of a process
	mu   sync.Mutex
	sent uint64
}

// lanes are the lanes of the rooms that were used last. A room that was not used for long gets
// another lane, whose numbers start again. So their number is bounded without knowing which rooms
// are over.
type lanes struct {
	mu          sync.Mutex
	last        uint64
	young, aged map[string]*lane
}

// of returns the lane of a room.
func (l *lanes) of(room string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.young[room]; known != nil {
		return known
	}
	known := l.aged[room]
	if known == nil {
		l.last++
		known = &lane{id: l.last}
	}
	if l.young == nil || len(l.young) >= maxLanes {
		l.aged, l.young = l.young, make(map[string]*lane)
	}
	l.young[room] = known
	return known
}
