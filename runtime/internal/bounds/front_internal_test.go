package bounds

import (
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
)

// unread returns a connection whose client does not read what is being written.
func unread(t *testing.T, b *Bounds) (c *PlainConn, client net.Conn, failed <-chan error) {
	t.Helper()
	server, client := net.Pipe()
	c, ok := b.acceptPlain(server)
	if !ok {
		t.Fatal("the connection is rejected")
	}
	t.Cleanup(func() { c.Close() })
	written := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("abc"))
		written <- err
	}()
	synctest.Wait()
	return c, client, written
}

// sweep reports whether a number of sweeps close the connection.
func sweep(b *Bounds, sweeps, times int, failed <-chan error) bool {
	for range times {
		b.AbortUnread(sweeps)
	}
	synctest.Wait()
	return len(failed) > 0
}

func TestUnreadEndsOfResponsesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Limits{}, 0, nil, nil)
		c, _, failed := unread(t, b)
		c.Finishing(true)
		if sweep(b, 8, 8, failed) {
			t.Error("the connection is closed after fewer sweeps than there must be")
		}
		b.RestartUnread()
		if sweep(b, 1, 1, failed) {
			t.Error("the connection is closed in the first sweep of a shutdown")
		}
		if !sweep(b, 1, 1, failed) {
			t.Error("the connection stays open")
		}
	})
}

func TestConnectionsInUseAreNotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Limits{}, 0, nil, nil)
		c, client, failed := unread(t, b)
		if sweep(b, 1, 9, failed) {
			t.Error("a connection is closed while its method runs")
		}
		c.Finishing(true)
		for range 9 { // the client reads slowly
			go func() { _, _ = client.Read(make([]byte, 3)) }()
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
			if sweep(b, 1, 9, failed) {
				t.Error("a connection is closed that waits for a request")
			}
			written := make(chan error, 1)
			go func() {
				_, err := c.Write([]byte("abc"))
				written <- err
			}()
			synctest.Wait()
			if failed = written; sweep(b, 1, 1, failed) {
				t.Error("a connection is closed whose client reads")
			}
		}
	})
}

// TestHeldCallsKnowTheirPlace adds and removes calls at random.
func TestHeldCallsKnowTheirPlace(t *testing.T) {
	var h held
	kept := make(map[*Arrival]bool)
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		if a := new(Arrival); random.IntN(2) == 0 {
			h.add(a)
			kept[a] = true
		} else if len(h.calls) > 0 {
			a = h.calls[random.IntN(len(h.calls))]
			h.remove(a)
			delete(kept, a)
		}
		if len(h.calls) != len(kept) {
			t.Fatalf("%d calls are held, want %d", len(h.calls), len(kept))
		}
		for _, a := range h.calls {
			if !kept[a] {
				t.Fatal("a call is held that was released")
			}
		}
	}
}
