package bounds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// putOff is a connection with a [readDeadline] that counts the changes of its deadline.
type putOff struct {
	net.Conn
	reads   readDeadline
	changes int
}

func (c *putOff) Read(p []byte) (int, error)        { return c.reads.read(counted{c}, p) }
func (c *putOff) SetReadDeadline(t time.Time) error { return c.reads.set(counted{c}, t) }

type counted struct{ *putOff }

func (c counted) Read(p []byte) (int, error) { return c.Conn.Read(p) }

func (c counted) SetReadDeadline(t time.Time) error {
	c.changes++
	return c.Conn.SetReadDeadline(t)
}

// TestReadDeadlinesAreThoseOfAPlainConnection does the same to both: what is read, and when what
// fails, is the same.
func TestReadDeadlinesAreThoseOfAPlainConnection(t *testing.T) {
	for seed := range uint64(2000) {
		plain, kept := readsOf(t, seed, false), readsOf(t, seed, true)
		if !slices.Equal(plain, kept) {
			t.Fatalf("seed %d: a plain connection\n%q\nand one with a readDeadline\n%q", seed, plain, kept)
		}
	}
}

// readsOf changes the deadline of a connection at random, while it reads what arrives at random. It
// returns what it read, and when.
func readsOf(t *testing.T, seed uint64, kept bool) (reads []string) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		if kept {
			near = &putOff{Conn: near}
		}
		random := rand.New(rand.NewPCG(seed, 0))
		start, over := time.Now(), make(chan struct{})
		go func() {
			defer close(over)
			for buf := make([]byte, 1); ; time.Sleep(997 * time.Millisecond) {
				_, err := near.Read(buf)
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
				reads = append(reads, fmt.Sprintf("%v %v", time.Since(start), err))
			}
		}()
		for range 40 {
			// The microseconds keep all that happens apart.
			time.Sleep(time.Duration(random.IntN(3000))*time.Millisecond + time.Microsecond)
			switch random.IntN(5) {
			case 0:
				_ = near.SetReadDeadline(time.Time{})
			case 1:
				_ = near.SetReadDeadline(time.Unix(1, 0))
			case 2, 3:
				_ = near.SetReadDeadline(time.Now().Add(time.Duration(random.IntN(9000))*time.Millisecond + 500))
			default:
				_ = far.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = far.Write([]byte("a"))
			}
			synctest.Wait()
		}
		far.Close()
		<-over
	})
	return reads
}

// TestReadDeadlinesAreRarelyChanged changes them as the HTTP/1.1 server does for each request.
func TestReadDeadlinesAreRarelyChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		t.Cleanup(func() { near.Close(); far.Close() })
		c := &putOff{Conn: near}
		buf := make([]byte, 16)
		for range 1000 { // in 10 s
			_ = c.SetReadDeadline(time.Now().Add(15 * time.Minute)) // idle
			time.AfterFunc(10*time.Millisecond, func() { _, _ = far.Write([]byte("request")) })
			if _, err := c.Read(buf); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second)) // for the header
			_ = c.SetReadDeadline(time.Time{})                      // for the body
			_ = c.SetReadDeadline(time.Time{})                      // for the watch for the client
			watched := make(chan error)
			go func() {
				_, err := c.Read(buf[:1])
				watched <- err
			}()
			synctest.Wait()
			_ = c.SetReadDeadline(time.Unix(1, 0)) // the watch ends
			if err := <-watched; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Time{})
		}
		if c.changes > 2010 {
			t.Errorf("1000 requests changed the deadline %d times, want 2000 and a few", c.changes)
		}
	})
}

// faulty is a connection whose reads fail with err, and that has deadlines only if it has them.
type faulty struct {
	net.Conn
	err       error
	deadlines bool
}

func (c *faulty) Read([]byte) (int, error) { return 0, c.err }

func (c *faulty) SetReadDeadline(time.Time) error {
	if c.deadlines {
		return nil
	}
	return os.ErrNoDeadline
}

// TestTimeoutsOfTheSystemAreErrors holds that a read does not go on after a timeout that is not that
// of the deadline, and that a connection without deadlines says so each time.
func TestTimeoutsOfTheSystemAreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, deadlines := range []bool{true, false} {
			c := &faulty{err: syscall.ETIMEDOUT, deadlines: deadlines}
			var reads readDeadline
			for _, at := range []time.Time{{}, time.Now().Add(time.Hour), {}} {
				if err := reads.set(c, at); (err == nil) != deadlines {
					t.Errorf("with deadlines %t, set returned %v", deadlines, err)
				}
				if _, err := reads.read(c, nil); err != syscall.ETIMEDOUT {
					t.Errorf("with deadlines %t, read returned %v", deadlines, err)
				}
			}
		}
	})
}
