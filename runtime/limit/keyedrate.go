package limit

import (
	"hash/maphash"
	"sync"
	"time"
	"unsafe"
)

// DefaultMaxKeys is the default number of keys that a [KeyedRate] remembers.
const DefaultMaxKeys = 65_536

// maxShardKeys bounds the keys of a shard, and with them the time to find one to forget.
const maxShardKeys = 1024

// KeyedRate bounds the rate of calls per key. It is safe for concurrent use.
//
// It remembers a bounded number of keys and forgets only keys with a full burst, which changes
// nothing. While there is no room for another key, all keys that are not remembered share the
// rate of one key, in each shard of 512 to 1,024 keys (one shard if maxKeys is less). A key that
// is remembered later starts with what is left in the shared bucket. So no key ever exceeds its
// own rate and burst, however many keys there are and in whatever order they come.
//
// Keys are identified by 64 bits of a hash with a random seed. Two keys with the same hash share
// a bucket and get less, not more. With 65,536 keys remembered, the probability that a new key
// collides with one is 1 in 280,000,000,000,000, and the secret seed prevents attackers from
// finding collisions.
type KeyedRate struct {
	// rules holds the rate of the shards in an even and in an odd generation: two only while Set
	// runs. The lock of a shard guards the one that it uses.
	rules     [2]gcra
	changing  sync.Mutex
	seed      maphash.Seed
	shards    []shard // as many as a power of two
	shardKeys int
}

// NewKeyedRate returns a KeyedRate that allows each key perSecond calls a second on average, with
// the given burst; see [NewRate] for their ranges.
//
// It remembers at most maxKeys keys, or [DefaultMaxKeys] if that is 0 or less. Keys do not spread
// evenly over the shards: the first one is full when about nine tenths of maxKeys are in use.
// [KeyedRate.MaxBytes] returns the memory that this can take; 64 bytes per shard are allocated at
// once.
func NewKeyedRate(perSecond float64, burst int, maxKeys int) *KeyedRate {
	if maxKeys <= 0 {
		maxKeys = DefaultMaxKeys
	}
	shards := 1
	for maxKeys/shards > maxShardKeys {
		shards *= 2
	}
	k := &KeyedRate{
		rules:     [2]gcra{newGCRA(perSecond, burst)},
		seed:      maphash.MakeSeed(),
		shards:    make([]shard, shards),
		shardKeys: maxKeys / shards,
	}
	for i := range k.shards {
		k.shards[i].latest, k.shards[i].rest = longAgo, longAgo
	}
	return k
}

// MaxBytes returns the maximum memory of the KeyedRate: about 24 bytes per key, 1.6 MB with the
// default. It includes the eighth by which the allocator may round up, but not replaced smaller
// tables that wait to be collected.
func (k *KeyedRate) MaxBytes() int {
	table := tableSize(k.shardKeys) * int(unsafe.Sizeof(entry{}))
	return int(unsafe.Sizeof(*k)) + len(k.shards)*(int(unsafe.Sizeof(shard{}))+table+table/8+16)
}

// Take counts a call with key at now and returns 0. If the call exceeds the rate, Take counts
// nothing and returns how long it is until a call with key would be allowed; while the key shares
// a bucket, other keys may use that up first. For now see [Rate.Take].
//
// It allocates only while tables grow, and does not retain key. It locks one shard.
func (k *KeyedRate) Take(key string, now time.Time) (retryAfter time.Duration) {
	hash := max(1, maphash.String(k.seed, key)) // 0 is no key
	s := &k.shards[hash&uint64(len(k.shards)-1)]
	s.mu.Lock()
	rule := k.rule(s)
	s.latest = max(s.latest, rule.ticks(now))
	tat := s.bucket(hash, k.shardKeys)
	next, wait := rule.next(*tat, s.latest)
	if wait == 0 {
		*tat = next
	}
	retryAfter = rule.duration(wait)
	s.mu.Unlock()
	return retryAfter
}

// rule returns the rate of a shard, which is locked.
func (k *KeyedRate) rule(s *shard) *gcra { return &k.rules[s.generation&1] }

// Set changes the rate and the burst of all keys from now on, as [Rate.Set] does: no key gains a
// call by it, whether it is remembered or not. It locks one shard after the other.
func (k *KeyedRate) Set(perSecond float64, burst int, now time.Time) {
	k.changing.Lock()
	defer k.changing.Unlock()
	generation := k.shards[0].generation // only Set writes it
	old, next := &k.rules[generation&1], &k.rules[(generation+1)&1]
	changed := old.changed(perSecond, burst)
	if changed.same(old) {
		return
	}
	*next = changed // no shard uses it since the last Set
	for i := range k.shards {
		k.shards[i].change(old, next, now)
	}
}

// Distinguishes reports whether key has its own bucket at now, and does not share one because too
// many keys are remembered. If there is room, the key gets a bucket. For now see [Rate.Take].
func (k *KeyedRate) Distinguishes(key string, now time.Time) bool {
	hash := max(1, maphash.String(k.seed, key))
	s := &k.shards[hash&uint64(len(k.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, k.rule(s).ticks(now))
	return s.bucket(hash, k.shardKeys) != &s.rest
}

// GiveBack undoes a [KeyedRate.Take] with key that returned 0, for a call that another check
// rejects right after it; see [Rate.GiveBack]. While the key shares a bucket with others, the
// call stays counted.
func (k *KeyedRate) GiveBack(key string) {
	hash := max(1, maphash.String(k.seed, key))
	s := &k.shards[hash&uint64(len(k.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(hash); e != nil && e.hash == hash {
		e.tat -= k.rule(s).interval
		s.soonest = min(s.soonest, e.tat)
	}
}
