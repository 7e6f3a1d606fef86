package bounds

import (
	"net"
	"testing"
	"time"
)

// TestHandlersOutliveTheirConnection checks that calls count for the peer of their connection after
// it is closed, whether they began before or after that, and until they end.
func TestHandlersOutliveTheirConnection(t *testing.T) {
	b := New(Limits{CallsPerPeer: 2}, time.Minute, func(net.Addr, Verdict) {}, func(*Arrival) {})
	_, raw := net.Pipe()
	conn, ok := b.accept(raw)
	if !ok {
		t.Fatal("the connection is rejected")
	}
	a, addr := &Arrival{conn: conn.use}, conn.use.addr
	begin := func(want Verdict) Call {
		t.Helper()
		call, verdict := b.Begin(a, addr, false)
		if verdict != want {
			t.Errorf("got %v, want %v", verdict, want)
		}
		return call
	}
	handlers := func(want int64) {
		t.Helper()
		shard := conn.use.peer.shard
		shard.mu.Lock()
		shard.sweep = 0
		shard.makeRoom()
		shard.mu.Unlock()
		if got := b.UseOf(PeerOf(addr)).Handlers; got != want || b.Use().Handlers != want {
			t.Errorf("%d handlers of the peer and %d in all, want %d", got, b.Use().Handlers, want)
		}
	}
	first := begin(Accepted)
	second := begin(Accepted)
	begin(PeerFull)
	second.End()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	handlers(1)
	second = begin(Accepted)
	begin(PeerFull)
	handlers(2)
	first.End()
	handlers(1)
	second.End()
	handlers(0)
}
