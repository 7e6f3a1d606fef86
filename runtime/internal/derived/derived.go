// Package derived caches what is computed from an immutable value, such as the encoded form of a
// message that many subscribers receive.
package derived

import "sync/atomic"

// Values holds values that are computed from another value, by owner and variant. Lookups are
// lock-free and linear, so it is for a few owners. The zero Values is empty.
type Values struct{ first atomic.Pointer[node] }

type node struct {
	owner, variant any
	value          any
	next           *node
}

// Load returns the value of an owner and a variant, which must be comparable; nil if there is
// none.
func (v *Values) Load(owner, variant any) any { return find(v.first.Load(), nil, owner, variant) }

// LoadOrStore returns the value of an owner and a variant. If there is none, it stores value.
func (v *Values) LoadOrStore(owner, variant, value any) any {
	added := &node{owner: owner, variant: variant, value: value}
	var seen *node
	for {
		first := v.first.Load()
		if found := find(first, seen, owner, variant); found != nil {
			return found
		}
		seen, added.next = first, first
		if v.first.CompareAndSwap(first, added) {
			return value
		}
	}
}

// find searches the nodes from first up to end.
func find(first, end *node, owner, variant any) any {
	for n := first; n != end; n = n.next {
		if n.owner == owner && n.variant == variant {
			return n.value
		}
	}
	return nil
}
