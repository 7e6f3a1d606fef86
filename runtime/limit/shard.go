package limit

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// shard holds the buckets of some of the keys: a hash table with linear probing that grows up to
// a bound.
//
// It fills a cache line.
type shard struct {
	mu      sync.Mutex
	entries []entry
	used    int32
	// generation is how often the rate has changed.
	generation uint32
	// soonest is a time before which no bucket is full again, so that none can be forgotten.
	soonest int64
	// rest is the TAT of all keys without an entry. A key that gets an entry starts with it,
	// because it may have used it; its own TAT is not later, and an earlier entry of it was full.
	rest int64
	// latest is the latest time seen, which counts as now.
	latest int64
}

// entry is the bucket of a key; a hash of 0 is none.
type entry struct {
	hash uint64
	tat  int64
}

const minTable = 8

// tableSize returns the number of entries in a table for the given number of keys: a quarter
// remains free.
func tableSize(keys int) int { return (4*keys + 2) / 3 }

// bucket returns the TAT of a key, or that of the rest if there is no room for it among maxKeys.
// The shard is locked.
func (s *shard) bucket(hash uint64, maxKeys int) *int64 {
	if e := s.find(hash); e != nil && e.hash == hash {
		return &e.tat
	}
	if !s.makeRoom(maxKeys) {
		return &s.rest
	}
	e := s.find(hash) // the table has changed
	*e = entry{hash, s.rest}
	s.used++
	s.soonest = min(s.soonest, s.latest)
	return &e.tat
}

// change converts all buckets to another rate.
func (s *shard) change(from, to *gcra, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := max(s.latest, from.ticks(now))
	for i := range s.entries {
		if e := &s.entries[i]; e.hash != 0 {
			_, e.tat = from.convert(to, at, e.tat)
		}
	}
	s.latest, s.rest = from.convert(to, at, s.rest)
	s.soonest = s.latest
	s.generation++
}

// find returns the entry of a key, or the free one for it, or nil if there is no table.
func (s *shard) find(hash uint64) *entry {
	if len(s.entries) == 0 {
		return nil
	}
	for i := s.home(hash); ; i = s.after(i) {
		if e := &s.entries[i]; e.hash == hash || e.hash == 0 {
			return e
		}
	}
}

// home returns where the search for a key starts: the high bits of the hash select it, because
// the low ones selected the shard.
func (s *shard) home(hash uint64) int {
	high, _ := bits.Mul64(hash, uint64(len(s.entries)))
	return int(high)
}

// after returns the place after i, wrapping around.
func (s *shard) after(i int) int {
	if i++; i < len(s.entries) {
		return i
	}
	return 0
}

// makeRoom reports whether there is room for another key, after forgetting keys and growing if
// necessary.
func (s *shard) makeRoom(maxKeys int) bool {
	room := min(len(s.entries)*3/4, maxKeys)
	if int(s.used) < room {
		return true
	}
	if s.soonest <= s.latest {
		s.forget()
	}
	if most := tableSize(maxKeys); len(s.entries) < most && int(s.used) >= room/2 {
		s.grow(min(max(2*len(s.entries), minTable), most))
		return true
	}
	return int(s.used) < room
}

// forget removes the keys whose bucket is full again.
func (s *shard) forget() {
	s.soonest = math.MaxInt64
	for i := 0; i < len(s.entries); {
		switch e := s.entries[i]; {
		case e.hash == 0:
			i++
		case e.tat <= s.latest:
			s.remove(i) // and look at what took its place
		default:
			s.soonest = min(s.soonest, e.tat)
			i++
		}
	}
}

// remove frees place i and moves later entries up, so that no free place is between an entry and
// its home.
func (s *shard) remove(i int) {
	s.used--
	for j := s.after(i); s.entries[j].hash != 0; j = s.after(j) {
		if s.distance(s.home(s.entries[j].hash), j) >= s.distance(i, j) {
			s.entries[i] = s.entries[j]
			i = j
		}
	}
	s.entries[i] = entry{}
}

// distance returns how many places j is after i, wrapping around.
func (s *shard) distance(i, j int) int {
	if j >= i {
		return j - i
	}
	return j - i + len(s.entries)
}

func (s *shard) grow(size int) {
	old := s.entries
	s.entries = make([]entry, size)
	for _, e := range old {
		if e.hash != 0 {
			*s.find(e.hash) = e
		}
	}
}
