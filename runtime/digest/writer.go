package digest

import (
	"context"
	"crypto/sha256"
	"hash"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxPending is how many bytes are collected before they are hashed.
const maxPending = 8 << 10

// checkEvery is how much is read between two checks of the context, in the units of writer.read.
const checkEvery = 64 << 10

// writer writes messages in an order that depends only on their contents. It reorders their
// fields and changes no length, so each byte is written once, however deeply it is nested. For a
// message that is out of order it keeps four bytes per field, and sixteen per map entry.
type writer struct {
	ctx     context.Context
	err     error     // of ctx; what is written after it is of no use
	skip    *Digester // at the top level; nil once inside
	groups  int       // around what is written
	read    int       // how much has been read, about a byte of a field's head each
	checked int       // read, when ctx was looked at last
	counts  [digits]uint32

	pending []byte // not hashed yet
	hash    hash.Hash
}

// spend counts n units of reading, and checks the context from time to time.
func (w *writer) spend(n int) {
	w.read += n
	if w.read-w.checked < checkEvery {
		return
	}
	w.checked = w.read
	if w.err == nil {
		w.err = w.ctx.Err()
	}
}

// next reads the field at the start of wire, without its contents. size is negative if there is
// none.
func (w *writer) next(wire []byte) (num protowire.Number, size int) {
	num, kind, n := protowire.ConsumeTag(wire)
	if n < 0 {
		return 0, n
	}
	m := protowire.ConsumeFieldValue(num, kind, wire[n:])
	if kind == protowire.StartGroupType { // it is read to its end, to find the end
		w.spend(max(n+m, 1))
	} else {
		w.spend(min(max(n+m, 1), 16))
	}
	if m < 0 {
		return 0, m
	}
	return num, n + m
}

// write writes bytes unchanged.
func (w *writer) write(b []byte) {
	for len(b) > cap(w.pending)-len(w.pending) {
		n := cap(w.pending) - len(w.pending)
		w.pending = append(w.pending, b[:n]...) // and not into the hash, which would move the writer to the heap
		w.flush()
		b = b[n:]
	}
	w.pending = append(w.pending, b...)
}

func (w *writer) flush() {
	if w.hash == nil {
		w.hash = sha256.New()
	}
	w.hash.Write(w.pending)
	w.pending = w.pending[:0]
}

// sum returns the digest of all that was written.
func (w *writer) sum() [Size]byte {
	if w.hash == nil {
		return sha256.Sum256(w.pending)
	}
	w.flush()
	return [Size]byte(w.hash.Sum(nil))
}

// A radix sort orders fields by number; its passes read digits of this many bits.
const (
	digitBits = 6
	digits    = 1 << digitBits
)
