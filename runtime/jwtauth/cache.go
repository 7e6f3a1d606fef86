package jwtauth

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// cache holds tokens that have been verified. It is a table of fixed size, without locks: a token
// has its place in one of ways slots.
//
// A token is found by the digest of its signature, and is the same if the text that the signature
// signs is. That is as exact as a digest of the whole token, and faster. The signature is not kept,
// and without it the rest is not a token.
type cache struct {
	hasher *hasher
	age    time.Duration // for how long a token is valid without being verified again
	rows   []row
}

// row has the slots of the tokens with the same place in the table.
type row [ways]atomic.Pointer[verified]

const ways = 8

// verified is a token that has been verified. It does not change.
type verified struct {
	digest    digest // of the signature
	signed    string // header and payload
	key       *key
	principal *runtime.Principal
	claims    *Claims
	until     int64 // in nanoseconds since 1970
}

// newCache returns a cache of n tokens, rounded up to a power of two. It returns nil if n is 0.
func newCache(n int, age time.Duration) *cache {
	if n == 0 {
		return nil
	}
	rows := 1 << bits.Len(uint((n-1)/ways))
	return &cache{hasher: newHasher(), age: age, rows: make([]row, rows)}
}

// row returns the slots for a digest.
func (c *cache) row(d digest) *row {
	return &c.rows[binary.LittleEndian.Uint64(d[:8])&uint64(len(c.rows)-1)]
}

// get returns a token that is still valid, or nil.
func (c *cache) get(d digest, signed string, now int64) *verified {
	row := c.row(d)
	for i := range row {
		v := row[i].Load()
		if v == nil || v.digest != d || v.signed != signed {
			continue
		}
		if v.valid(now) {
			return v
		}
		row[i].CompareAndSwap(v, nil)
	}
	return nil
}

// put adds a token that expires at expiry. It replaces one that is not valid any more, otherwise
// the one that expires first.
func (c *cache) put(v *verified, expiry, now time.Time) {
	until := now.Add(c.age)
	if expiry.Before(until) {
		until = expiry
	}
	v.until = until.UnixNano()
	row := c.row(v.digest)
	place, first := 0, int64(1<<63-1)
	for i := range row {
		until := int64(0)
		if old := row[i].Load(); old != nil && old.digest != v.digest && old.valid(now.UnixNano()) {
			until = old.until
		}
		if until < first {
			place, first = i, until
		}
	}
	row[place].Store(v)
}

// valid reports whether the token can be accepted.
func (v *verified) valid(now int64) bool { return now < v.until && !v.key.retired.Load() }
