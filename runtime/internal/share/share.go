// Package share divides the bytes of a bounded store among the principals that own its entries.
//
// An entry is pinned while the store must not drop it, such as that of a running call. After that
// it is kept: the store may drop it for another. Two rules hold whatever the principals do:
//
//   - When an entry is added, the pinned entries of its principal use at most half of the bytes
//     that are not pinned by others, and at most three quarters when they grow. So no principal
//     prevents another from adding entries.
//   - Kept entries share the bytes that are not pinned. If there is no room, the principal with the
//     most kept bytes loses entries first. So a principal loses no entry to another while it keeps
//     no more than an equal part. There is one exception, because otherwise many principals would
//     leave room for tiny entries only: an entry of up to a 64th of all bytes is kept if its
//     principal keeps no other, and the entries that would be dropped first anyway make room for
//     it.
package share

import "container/heap"

// Ledger counts the bytes of each principal. It is not safe for concurrent use; the lock of the
// store must protect it.
type Ledger struct {
	limit        int
	pinned, kept int
	accounts     map[string]*account
	keepers      keepers
}

// account is the use of one principal.
type account struct {
	owner        string
	pinned, kept int
	index        int // in keepers; -1 without kept entries
}

// NewLedger returns the ledger of a store of limit bytes.
func NewLedger(limit int) *Ledger {
	return &Ledger{limit: limit, accounts: make(map[string]*account)}
}

// MayStart reports whether a principal may add an entry of n pinned bytes.
func (l *Ledger) MayStart(owner string, n int) bool {
	own := l.pinnedOf(owner)
	return own+n <= (l.limit-(l.pinned-own))/2
}

// MayGrow reports whether the pinned entries of a principal may grow by n bytes. They may always
// shrink.
func (l *Ledger) MayGrow(owner string, n int) bool {
	own := l.pinnedOf(owner)
	rest := l.limit - (l.pinned - own)
	return n <= 0 || own+n <= rest-rest/4
}

// alwaysKept is the fraction of all bytes that one entry may use, regardless of the number of
// principals.
const alwaysKept = 64

// MayKeep reports whether a pinned entry of a principal, of pinned bytes, may be kept as one of
// size bytes. If other entries must be dropped for it, the limit is an equal part, or a 64th of all
// bytes if that is more.
func (l *Ledger) MayKeep(owner string, pinned, size int) bool {
	if l.pinned+l.kept+size-pinned <= l.limit {
		return true
	}
	owners := len(l.keepers)
	if a := l.accounts[owner]; a == nil || a.kept == 0 {
		owners++
	}
	free := l.limit - (l.pinned - pinned)
	return size <= min(free, max(free/owners, l.limit/alwaysKept))
}

// Add adds to the pinned and the kept bytes of a principal; negative numbers subtract.
func (l *Ledger) Add(owner string, pinned, kept int) {
	a := l.accounts[owner]
	if a == nil {
		a = &account{owner: owner, index: -1}
		l.accounts[owner] = a
	}
	l.pinned, a.pinned = l.pinned+pinned, a.pinned+pinned
	l.kept, a.kept = l.kept+kept, a.kept+kept
	switch {
	case a.kept > 0 && a.index >= 0:
		heap.Fix(&l.keepers, a.index)
	case a.kept > 0:
		heap.Push(&l.keepers, a)
	case a.index >= 0:
		heap.Remove(&l.keepers, a.index)
	}
	if a.pinned == 0 && a.kept == 0 {
		delete(l.accounts, owner)
	}
}

// Full reports whether the entries exceed the store: kept entries of [Ledger.Largest] must be
// dropped.
func (l *Ledger) Full() bool { return l.pinned+l.kept > l.limit }

// Largest returns the principal with the most kept bytes, or "" if nothing is kept.
func (l *Ledger) Largest() string {
	if len(l.keepers) == 0 {
		return ""
	}
	return l.keepers[0].owner
}

// Bytes returns the number of bytes of all entries.
func (l *Ledger) Bytes() int { return l.pinned + l.kept }

func (l *Ledger) pinnedOf(owner string) int {
	if a := l.accounts[owner]; a != nil {
		return a.pinned
	}
	return 0
}

// keepers are the accounts with kept entries, the largest first. It implements heap.Interface.
type keepers []*account

func (k keepers) Len() int           { return len(k) }
func (k keepers) Less(i, j int) bool { return k[i].kept > k[j].kept }
func (k keepers) Swap(i, j int) {
	k[i], k[j] = k[j], k[i]
	k[i].index, k[j].index = i, j
}

// Push implements heap.Interface.
func (k *keepers) Push(x any) {
	a := x.(*account)
	a.index = len(*k)
	*k = append(*k, a)
}

// Pop implements heap.Interface.
func (k *keepers) Pop() any {
	last := len(*k) - 1
	a := (*k)[last]
	(*k)[last], *k = nil, (*k)[:last]
	a.index = -1
	return a
}
