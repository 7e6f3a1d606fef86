//go:build !race

// The race detector adds allocations.

package hub_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// maxIdle is what docs/rooms.md states of a member that waits, without its goroutines.
const maxIdle = 512

// TestIdleMembersAllocLittle measures 100,000 members that have received a message.
func TestIdleMembersAllocLittle(t *testing.T) {
	const rooms, each = 1000, 100
	h := hub.New[message]()
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	members := make([]*hub.Member[message], 0, rooms*each)
	for room := range rooms {
		for range each {
			m, err := h.Join(t.Context(), fmt.Sprint("room ", room))
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, m)
		}
	}
	idle := heap() - before
	for room := range rooms {
		if err := h.Publish(t.Context(), fmt.Sprint("room ", room), numbered(1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range members {
		for range m.Messages(t.Context()) {
			break
		}
	}
	used := heap() - before
	t.Logf("bytes per member: %d, and %d after a message", idle/(rooms*each), used/(rooms*each))
	if used/(rooms*each) > maxIdle {
		t.Errorf("an idle member has %d bytes, more than %d", used/(rooms*each), maxIdle)
	}
	for _, m := range members {
		m.Leave(t.Context())
	}
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
}
