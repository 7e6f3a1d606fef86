// Package rostertest has the tests that every implementation of [hub.Roster] must pass.
package rostertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// Patience is how long the tests wait for what a roster learns of another replica.
const Patience = time.Minute

// Rosters are two replicas' rosters, or the same one twice.
type Rosters struct {
	One, Other hub.Roster
	// Kill ends One as the death of its replica would, without telling Other. It is nil if the
	// roster is for one process.
	Kill func()
}

// Run tests a roster. newRosters returns empty ones that other tests do not disturb.
func Run(t *testing.T, newRosters func(t *testing.T) Rosters) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Rosters)
	}{
		{"MembersOfAllReplicasAreListed", listed},
		{"MembersAreListedInTheOrderInWhichTheyJoined", ordered},
		{"RoomsAreSeparate", roomsAreSeparate},
		{"WhoHasLeftIsNotListed", left},
		{"OwnMembersAreListedAtOnce", atOnce},
		{"ManyMembersComeAndGo", many},
		{"MembersOfADeadReplicaExpire", expired},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newRosters(t)) })
	}
}

func member(replica string, id uint64) hub.Listed {
	return hub.Listed{
		Replica: replica, ID: id, Name: fmt.Sprintf("%s-%d ä\n\"", replica, id),
		Joined: time.Unix(1_700_000_000, int64(id)*1000),
	}
}

// wants waits until a roster lists members.
func wants(t *testing.T, r hub.Roster, room string, want ...hub.Listed) {
	t.Helper()
	var got []hub.Listed
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		if got = r.Members(room); slices.EqualFunc(got, want, equal) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("room %q lists %v, want %v", room, got, want)
}

func equal(a, b hub.Listed) bool {
	return a.Replica == b.Replica && a.ID == b.ID && a.Name == b.Name && a.Joined.Equal(b.Joined)
}

func listed(t *testing.T, rs Rosters) {
	a, b, c := member("one", 1), member("other", 2), member("one", 3)
	defer rs.One.Enter("r", a)()
	defer rs.Other.Enter("r", b)()
	defer rs.One.Enter("r", c)()
	wants(t, rs.One, "r", a, b, c)
	wants(t, rs.Other, "r", a, b, c)
}

func ordered(t *testing.T, rs Rosters) {
	a, b, c, d := member("one", 1), member("one", 2), member("other", 2), member("other", 3)
	defer rs.Other.Enter("r", d)()
	defer rs.One.Enter("r", b)()
	defer rs.Other.Enter("r", c)()
	defer rs.One.Enter("r", a)()
	wants(t, rs.One, "r", a, b, c, d)
	wants(t, rs.Other, "r", a, b, c, d)
}

func roomsAreSeparate(t *testing.T, rs Rosters) {
	rooms := []string{
		"a", "A", "a.b", "a*", "*", ">", "a b", "a/b", "ä", "a\n", "a\x00", "\xff",
		strings.Repeat("ä", 128),
	}
	for i, room := range rooms {
		defer rs.One.Enter(room, member("one", uint64(i+1)))()
	}
	for i, room := range rooms {
		wants(t, rs.Other, room, member("one", uint64(i+1)))
	}
	wants(t, rs.Other, "nobody")
}

func left(t *testing.T, rs Rosters) {
	a, b := member("one", 1), member("one", 2)
	leaveA, leaveB := rs.One.Enter("r", a), rs.One.Enter("r", b)
	wants(t, rs.Other, "r", a, b)
	leaveA()
	leaveA()
	wants(t, rs.Other, "r", b)
	wants(t, rs.One, "r", b)
	leaveB()
	wants(t, rs.Other, "r")
	wants(t, rs.One, "r")
}

func atOnce(t *testing.T, rs Rosters) {
	for i := range uint64(100) {
		m := member("one", i+1)
		leave := rs.One.Enter("r", m)
		if got := rs.One.Members("r"); len(got) != 1 || !equal(got[0], m) {
			t.Fatalf("after Enter, the room lists %v", got)
		}
		if leave(); len(rs.One.Members("r")) != 0 {
			t.Fatalf("after leave, the room lists %v", rs.One.Members("r"))
		}
	}
	wants(t, rs.Other, "r")
}

func many(t *testing.T, rs Rosters) {
	var entering sync.WaitGroup
	var mu sync.Mutex
	var stay []hub.Listed
	for i := range uint64(200) {
		entering.Go(func() {
			r, m := rs.One, member("one", i+1)
			if i%2 == 0 {
				r, m = rs.Other, member("other", i+1)
			}
			leave := r.Enter("r", m)
			if i%4 < 2 {
				leave()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			stay = append(stay, m)
			t.Cleanup(leave)
		})
	}
	entering.Wait()
	slices.SortFunc(stay, hub.Listed.Compare)
	wants(t, rs.One, "r", stay...)
	wants(t, rs.Other, "r", stay...)
}

func expired(t *testing.T, rs Rosters) {
	if rs.Kill == nil {
		t.Skip("the roster is for one process")
	}
	type gone struct {
		room string
		hub.Listed
	}
	calls := make(chan gone, 100)
	rs.Other.Notify(func(room string, m hub.Listed) { calls <- gone{room, m} })
	a, b, stays, leaves := member("one", 1), member("one", 2), member("other", 3), member("one", 4)
	rs.One.Enter("r", a)
	rs.One.Enter("s", b)
	leave := rs.One.Enter("r", leaves)
	defer rs.Other.Enter("r", stays)()
	wants(t, rs.Other, "r", a, stays, leaves)
	wants(t, rs.Other, "s", b)
	leave()
	wants(t, rs.Other, "r", a, stays)
	rs.Kill()
	wants(t, rs.Other, "r", stays)
	wants(t, rs.Other, "s")
	got := map[string]hub.Listed{}
	for range 2 {
		select {
		case g := <-calls:
			got[g.room] = g.Listed
		case <-time.After(Patience):
			t.Fatalf("the function of Notify was called for %v only", got)
		}
	}
	if !equal(got["r"], a) || !equal(got["s"], b) || len(calls) > 0 {
		t.Fatalf("the function of Notify was called for %v and %d more", got, len(calls))
	}
}
