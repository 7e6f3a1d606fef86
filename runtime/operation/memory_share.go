package operation

import "fmt"

// ReservedStatusBytes is how long the Status of a [Result] may be for [Store.Finish] to take it however full the store is, as
// long as there is nothing else in the Result.
const ReservedStatusBytes = 512

// recordSize is how much memory an operation takes, about, besides what is in its record: its own, and that of a principal that
// has no other.
const recordSize = 2048

// sizeOf returns how many bytes a record takes. One that is not done takes as much as the shortest status of its end would.
func sizeOf(r *Record) int {
	size := r.Bytes() + 2*len(r.Name) + len(r.Method) + len(r.Principal) + len(r.IdempotencyKey) + len(r.ConflictKey)
	for _, scope := range r.Scopes {
		size += len(scope) + 16 // with the string's header
	}
	for key, value := range r.Carrier {
		size += len(key) + len(value) + 64 // with their place in the map
	}
	if !r.Done() {
		size += ReservedStatusBytes
	}
	return recordSize + size + size/8 // Go rounds up
}

// count adds what a record takes to the bytes of its principal, or takes it away.
func (m *memory) count(r *Record, sign int) {
	if r.Done() {
		m.ledger.Add(r.Principal, 0, sign*sizeOf(r))
		return
	}
	m.ledger.Add(r.Principal, sign*sizeOf(r), 0)
}

// makeRoom forgets done operations until all fit, which the ledger has seen to be possible: those of the principal whose take
// most, or of all where that one's is only being added, the soonest to expire first.
func (m *memory) makeRoom() {
	for m.ledger.Full() {
		from := m.kept[m.ledger.Largest()]
		if from == nil {
			from = &m.done
		}
		e := from.first(forever)
		if e == nil {
			return
		}
		m.remove(e)
	}
}

// full returns the error for what the store has no room for.
func (m *memory) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes beside %d of %d", ErrFull, what, bytes, m.ledger.Bytes(), m.maxBytes)
}
