package grpcprom

import (
	"hash/maphash"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
)

// liveCalls are the streams of a method that have started and not finished, so that a scrape counts
// their messages.
type liveCalls struct {
	seed   maphash.Seed
	shards [8]liveShard
}

// liveShard has some of the streams. Its counts are those of streams that have finished: under the
// lock, the messages of a stream are in exactly one of the two.
type liveShard struct {
	mu             sync.Mutex
	calls          map[runtime.Call]struct{}
	most           int // calls at a time since the map was made
	received, sent uint64
}

func newLiveCalls() *liveCalls { return &liveCalls{seed: maphash.MakeSeed()} }

func (l *liveCalls) shard(call runtime.Call) *liveShard {
	return &l.shards[maphash.Comparable(l.seed, call)%uint64(len(l.shards))]
}

func (l *liveCalls) add(call runtime.Call) {
	s := l.shard(call)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[runtime.Call]struct{})
	}
	s.calls[call] = struct{}{}
	s.most = max(s.most, len(s.calls))
}

// smallMap is the number of calls from which a map is not kept when it is empty: it does not
// shrink.
const smallMap = 256

func (l *liveCalls) remove(call runtime.Call) {
	s := l.shard(call)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.calls[call]; !ok {
		return
	}
	delete(s.calls, call)
	s.received += count(call.Received())
	s.sent += count(call.Sent())
	if len(s.calls) == 0 && s.most > smallMap {
		s.calls, s.most = nil, 0
	}
}

// counts returns the messages of all streams so far.
func (l *liveCalls) counts() (received, sent uint64) {
	for i := range l.shards {
		r, s := l.shards[i].counts()
		received, sent = received+r, sent+s
	}
	return received, sent
}

func (s *liveShard) counts() (received, sent uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	received, sent = s.received, s.sent
	for call := range s.calls {
		received += count(call.Received())
		sent += count(call.Sent())
	}
	return received, sent
}
