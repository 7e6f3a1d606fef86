package bounds

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a connection that counts the changes of its write deadline.
type pipe struct {
	net.Conn
	deadline writeDeadline
	changes  int
}

func newPipe(t *testing.T) (*pipe, net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	return &pipe{Conn: near}, far
}

func (p *pipe) SetWriteDeadline(t time.Time) error {
	p.changes++
	return p.Conn.SetWriteDeadline(t)
}

func (p *pipe) set(t *testing.T, timeout time.Duration) {
	t.Helper()
	var at time.Time
	if timeout != 0 {
		at = time.Now().Add(timeout)
	}
	if err := p.deadline.set(p, at); err != nil {
		t.Error(err)
	}
}

// write writes a byte that nothing may read, and returns after how long it failed.
func (p *pipe) write() (time.Duration, error) {
	start := time.Now()
	_, err := p.deadline.write(p, []byte("a"))
	return time.Since(start), err
}

func TestWriteDeadlinesThatAreNotReadFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newPipe(t)
		for wait := range 30 { // between writes: the deadline of an earlier one may serve
			time.Sleep(time.Duration(wait) * 100 * time.Millisecond)
			p.set(t, 8*time.Second)
			took, err := p.write()
			if !errors.Is(err, os.ErrDeadlineExceeded) || took < 7*time.Second || took > 8*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
			p.set(t, 0)
		}
	})
}

func TestWriteDeadlinesAreRarelyChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, far := newPipe(t)
		go func() {
			for buf := make([]byte, 1); ; {
				if _, err := far.Read(buf); err != nil {
					return
				}
			}
		}()
		for range 1000 { // in 10 s
			p.set(t, 8*time.Second)
			if _, err := p.write(); err != nil {
				t.Fatal(err)
			}
			p.set(t, 0)
			time.Sleep(10 * time.Millisecond)
		}
		if p.changes > 11 {
			t.Errorf("%d changes in 1,000 writes", p.changes)
		}
	})
}

func TestRemovedWriteDeadlinesDoNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, far := newPipe(t)
		p.set(t, time.Second)
		p.set(t, 0)
		time.Sleep(2 * time.Second)
		time.AfterFunc(time.Hour, func() { far.Read(make([]byte, 1)) })
		if took, err := p.write(); err != nil || took != time.Hour {
			t.Errorf("a write without a deadline: %v after %v", err, took)
		}
		// One that is removed during a write.
		p.set(t, time.Second)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.write(); err != nil {
				t.Errorf("the deadline was removed during the write: %v", err)
			}
		})
		synctest.Wait()
		p.set(t, 0)
		time.Sleep(time.Hour)
		far.Read(make([]byte, 1))
		wg.Wait()
	})
}

func TestEarlierWriteDeadlinesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newPipe(t)
		p.set(t, time.Hour)
		p.set(t, 0)
		p.set(t, time.Second)
		if took, err := p.write(); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		var wg sync.WaitGroup
		p.set(t, time.Hour)
		wg.Go(func() {
			if took, err := p.write(); !errors.Is(err, os.ErrDeadlineExceeded) || took != 0 {
				t.Errorf("aborted after %v: %v", took, err)
			}
		})
		synctest.Wait()
		p.set(t, -time.Hour)
		wg.Wait()
	})
}
