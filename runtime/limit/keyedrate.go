package limit

import (
	"hash/maphash"
	"time"
	"unsafe"
)

// DefaultMaxKeys is how many keys a [KeyedRate] remembers unless it is told otherwise.
const DefaultMaxKeys = 65_536

// maxShardKeys bounds the keys of a shard, and with them how long looking for one to forget takes.
const maxShardKeys = 1024

// KeyedRate bounds how often calls come with each key.
//
// It remembers a bounded number of keys and forgets only those whose burst is whole again, for which forgetting changes
// nothing. While there is no room for another key, the keys that are not remembered share what one key has, in each shard of
// 512 to 1,024 keys (the only one, if maxKeys is less). A key that then finds room starts with what the shared bucket has
// left. So no key ever gets more than its own rate and burst, however many keys there are and in whatever order they come.
//
// Keys are told apart by 64 bits of a hash with a random seed. Two keys of the same hash share one bucket and get less, not
// more. With 65,536 keys remembered, a new key meets one with a probability of 1 in 280,000,000,000,000, and because nobody
// knows the seed, nobody can look for keys that do.
type KeyedRate struct {
	gcra
	seed      maphash.Seed
	shards    []shard // as many as a power of two
	shardKeys int
}

// NewKeyedRate returns a KeyedRate of perSecond calls a second on average and burst at once for each key; what these may be
// says [NewRate].
//
// It remembers at most maxKeys keys, or [DefaultMaxKeys] if that is not above 0. Keys do not spread evenly over the shards: a
// first one is full when about nine tenths of maxKeys are in use. [KeyedRate.MaxBytes] says what memory that may take, of
// which 64 bytes for each shard are taken at once.
func NewKeyedRate(perSecond float64, burst int, maxKeys int) *KeyedRate {
	if maxKeys <= 0 {
		maxKeys = DefaultMaxKeys
	}
	shards := 1
	for maxKeys/shards > maxShardKeys {
		shards *= 2
	}
	k := &KeyedRate{
		gcra:      newGCRA(perSecond, burst),
		seed:      maphash.MakeSeed(),
		shards:    make([]shard, shards),
		shardKeys: maxKeys / shards,
	}
	for i := range k.shards {
		k.shards[i].latest, k.shards[i].rest = longAgo, longAgo
	}
	return k
}

// MaxBytes is the most memory that the KeyedRate holds: about 24 bytes for each of its maxKeys, 1.6 MB with the default. It
// includes the eighth that the allocator may round up by, but not small tables that larger ones have replaced and that wait
// to be collected.
func (k *KeyedRate) MaxBytes() int {
	table := tableSize(k.shardKeys) * int(unsafe.Sizeof(entry{}))
	return int(unsafe.Sizeof(*k)) + len(k.shards)*(int(unsafe.Sizeof(shard{}))+table+table/8+16)
}

// Take counts a call with key at now and returns 0, or returns how long it is until a call with key would be allowed and
// counts nothing. While the key shares with others, they may have used that up by then. For now see [Rate.Take].
//
// It allocates nothing, but for tables while they grow, and keeps no part of key. It locks one shard.
func (k *KeyedRate) Take(key string, now time.Time) (retryAfter time.Duration) {
	hash := max(1, maphash.String(k.seed, key)) // 0 is no key
	at := k.ticks(now)
	s := &k.shards[hash&uint64(len(k.shards)-1)]
	s.mu.Lock()
	s.latest = max(s.latest, at)
	tat := s.bucket(hash, k.shardKeys)
	next, wait := k.next(*tat, s.latest)
	if wait == 0 {
		*tat = next
	}
	s.mu.Unlock()
	return k.duration(wait)
}

// GiveBack undoes a [KeyedRate.Take] with key that returned 0, for a call that another check rejects
// right after it; see [Rate.GiveBack]. While the key shares a bucket with others, the call stays
// counted.
func (k *KeyedRate) GiveBack(key string) {
	hash := max(1, maphash.String(k.seed, key))
	s := &k.shards[hash&uint64(len(k.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(hash); e != nil && e.hash == hash {
		e.tat -= k.interval
		s.soonest = min(s.soonest, e.tat)
	}
}
