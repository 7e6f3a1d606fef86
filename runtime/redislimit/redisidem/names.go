package redisidem

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// ownerSize is how much of the hash of a principal identifies it among others.
const ownerSize = 16

// names are the names of a store and its entries in Redis. Everything is in a few keys, whose
// names have the namespace in braces, so that a cluster keeps them on one node and the scripts
// need no other keys:
//
//	{idempotency}:entry
type names struct {
	salt [sha256.Size]byte
	keys []string // in the order of store.lua
}

func newNames(s settings) names {
	n := names{salt: s.salt}
	for _, part := range []string{"entry", "reply", "run", "done", "own", "pins", "kept", "sum"} {
		n.keys = append(n.keys, "{"+s.namespace+"}:"+part)
	}
	return n
}

// id returns the name of an entry: a hash, so that it does not matter what callers send.
func (n *names) id(key idempotency.Key) []byte {
	return n.hash("id", key.Principal, key.Method, key.IdempotencyKey)
}

// owner returns the name of the principal of an entry.
func (n *names) owner(key idempotency.Key) []byte { return n.hash("owner", key.Principal)[:ownerSize] }

// hash returns a hash of texts that depends on where each of them ends.
func (n *names) hash(texts ...string) []byte {
	h := sha256.New()
	h.Write(n.salt[:])
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return h.Sum(nil)
}
