package share

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// start adds entries of n bytes until the ledger rejects one, and returns the number of added
// entries.
func start(l *Ledger, owner string, n int) (taken int) {
	for l.MayStart(owner, n) {
		l.Add(owner, n, 0)
		taken++
	}
	return taken
}

func TestNoPrincipalPinsMoreThanHalfOfWhatOthersLeave(t *testing.T) {
	l := NewLedger(1024)
	for i, want := range []int{512, 256, 128, 64, 32} {
		if got := start(l, fmt.Sprint(i), 1); got != want {
			t.Errorf("principal %d started %d entries, want %d", i, got, want)
		}
	}
	l.Add("0", -512, 0)
	if got := start(l, "4", 1); got != 256 {
		t.Errorf("when there is room, the last one started %d more, want 256", got)
	}
}

func TestPinnedEntriesGrowWhereNoneIsAdded(t *testing.T) {
	l := NewLedger(1024)
	start(l, "ada", 1)
	if !l.MayGrow("ada", 256) || l.MayGrow("ada", 257) {
		t.Error("entries may not grow to three quarters, or may above")
	}
	l.Add("ada", 256, 0)
	if got := start(l, "eve", 1); got != 128 {
		t.Errorf("another principal started %d entries, want 128", got)
	}
	if !l.MayGrow("ada", -1) || !l.MayGrow("ada", 0) {
		t.Error("entries may not shrink")
	}
}

// store is a store whose kept entries have only sizes.
type store struct {
	*Ledger
	kept map[string][]int
}

// keep keeps a new entry, and forgets what must go. It returns false if the entry is rejected.
func (s *store) keep(owner string, size int) bool {
	if !s.MayKeep(owner, 0, size) {
		return false
	}
	s.Add(owner, 0, size)
	for s.Full() {
		largest := s.Largest()
		oldest := s.kept[largest][0]
		s.kept[largest] = s.kept[largest][1:]
		s.Add(largest, 0, -oldest)
	}
	s.kept[owner] = append(s.kept[owner], size)
	return true
}

// Whatever the others do, and whatever the sizes, a principal that keeps no more than an equal part
// loses nothing, and can keep all that fits in that part.
func TestAnEqualPartIsNeverLost(t *testing.T) {
	const max, owners = 10_000, 5
	random := rand.New(rand.NewPCG(1, 2))
	s := &store{Ledger: NewLedger(max), kept: make(map[string][]int)}
	for range 20 {
		if !s.keep("modest", max/owners/20) {
			t.Fatal("an entry of an equal part was rejected")
		}
	}
	for range 20_000 {
		s.keep(fmt.Sprint(random.IntN(owners-1)), 1+random.IntN(max/3))
		if s.Bytes() > max {
			t.Fatalf("there are %d bytes of %d", s.Bytes(), max)
		}
		if len(s.kept["modest"]) != 20 {
			t.Fatalf("the modest principal has %d entries, want 20", len(s.kept["modest"]))
		}
	}
}

// A rejected entry removes no other entry, and a single principal may use all bytes.
func TestWhatIsLargerThanAnEqualPartNeedsFreeRoom(t *testing.T) {
	l := NewLedger(1000)
	if !l.MayKeep("ada", 0, 1000) || l.MayKeep("ada", 0, 1001) {
		t.Error("one principal alone may not keep all, or may keep more")
	}
	l.Add("ada", 0, 400)
	if !l.MayKeep("eve", 0, 600) || l.MayKeep("eve", 0, 601) {
		t.Error("free room may not be used, or more than an equal part may")
	}
	l.Add("ada", 0, 600)
	if !l.MayKeep("eve", 0, 500) || l.MayKeep("eve", 0, 501) {
		t.Error("an equal part is rejected, or more than that is taken")
	}
	l.Add("eve", 200, 0)
	if !l.MayKeep("eve", 100, 450) || l.MayKeep("eve", 100, 451) {
		t.Error("kept entries share something else than what pinned ones leave")
	}
}

// With very many principals, an equal part is tiny. An entry may nevertheless take a 64th, and no
// more.
func TestASmallEntryIsKeptAmongManyPrincipals(t *testing.T) {
	l := NewLedger(6400)
	for i := range 6400 {
		l.Add(fmt.Sprint(i), 0, 1)
	}
	if !l.MayKeep("new", 0, 100) || l.MayKeep("new", 0, 101) {
		t.Error("a 64th is rejected, or more than that is taken")
	}
	l.Add("0", 6350, 0)
	if !l.MayKeep("new", 0, 50) || l.MayKeep("new", 0, 51) {
		t.Error("what pinned entries leave is rejected, or more than that is taken")
	}
}

func TestTheLedgerForgetsWhoHasNothing(t *testing.T) {
	l := NewLedger(1000)
	for i := range 100 {
		l.Add(fmt.Sprint(i), 1, i%2)
		l.Add(fmt.Sprint(i), -1, -(i % 2))
	}
	if len(l.accounts) != 0 || len(l.keepers) != 0 || l.Bytes() != 0 || l.Largest() != "" {
		t.Errorf("there are %d accounts, %d keepers, %d bytes", len(l.accounts), len(l.keepers), l.Bytes())
	}
}
