package operation

import "fmt"

// ReservedStatusBytes is the maximum size of a [Result]'s Status that [Store.Finish] accepts even
// if the store is full, as long as the Result has nothing else.
const ReservedStatusBytes = 512

// recordSize is the approximate memory of an operation without its record's contents, including
// that of a principal with a single operation.
const recordSize = 2048

// sizeOf returns the size of a record in bytes. For an operation that is not done, it includes
// the shortest status of its end.
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

// count adds or subtracts the size of a record from its principal's bytes.
func (m *memory) count(r *Record, sign int) {
	if r.Done() {
		m.ledger.Add(r.Principal, 0, sign*sizeOf(r))
		return
	}
	m.ledger.Add(r.Principal, sign*sizeOf(r), 0)
}

// makeRoom removes done operations until all fit, which the ledger has found to be possible. It
// takes them from the principal whose operations take most, those that expire first first.
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

// full returns the error for something that the store has no room for.
func (m *memory) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes beside %d of %d", ErrFull, what, bytes, m.ledger.Bytes(), m.maxBytes)
}
