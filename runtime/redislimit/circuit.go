package redislimit

import (
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

const (
	// firstPause and lastPause bound the time between two probes, which doubles.
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// settled is how long Redis must be back until an outage is not the continuation of another.
	settled = 10 * time.Second
)

// circuit is open while Redis is away: calls then do not wait for Redis. It opens with the first
// request that fails, and closes with the first probe that Redis answers in time. Calls start
// probes, one at a time, so that nothing runs without calls.
//
// A single late reply opens it for the duration of a probe, without a log record. If that probe
// fails, or Redis was away a moment ago, the circuit logs, and waits before the next probe.
type circuit struct {
	timeout time.Duration
	probe   func() error
	logger  *slog.Logger
	counts  *counts
	epoch   time.Time

	// era counts how often the circuit has opened and closed: it is open if era is odd.
	era atomic.Uint64
	// next is the time of the next probe, in nanoseconds since the epoch. While a probe runs, it is
	// [never].
	next atomic.Int64

	mu     sync.Mutex
	since  time.Time // the last change
	fails  int       // probes that failed, and outages that preceded this one
	warned bool
}

const never = math.MaxInt64

// closed reports whether Redis is in use, and returns the era. Otherwise it starts a probe if it
// is time for one.
func (c *circuit) closed(now time.Time) (era uint64, ok bool) {
	era = c.era.Load()
	if era%2 == 0 {
		return era, true
	}
	next := c.next.Load()
	if int64(now.Sub(c.epoch)) >= next && c.next.CompareAndSwap(next, never) {
		go c.try()
	}
	return era, false
}

// fail opens the circuit after a request of an era has failed. A late failure of an earlier era
// changes nothing.
func (c *circuit) fail(era uint64, err error) {
	c.counts.failures.Add(1)
	c.mu.Lock()
	if c.era.Load() != era {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	if now.Sub(c.since) > settled {
		c.fails = 0
	}
	c.since, c.warned = now, false
	c.counts.outages.Add(1)
	c.counts.away.Add(1)
	first := c.fails == 0
	warn := !first && c.missed()
	if first {
		c.next.Store(never)
	}
	c.era.Add(1)
	c.mu.Unlock()
	if first {
		go c.try()
	}
	c.log(warn, err)
}

// prompt probes Redis, and returns an error unless it replies in time. A first late reply may come
// from a new connection, so there is a second try.
func (c *circuit) prompt() error {
	for range 2 {
		begin := time.Now()
		if err := c.probe(); err != nil {
			return err
		}
		if time.Since(begin) <= c.timeout {
			return nil
		}
	}
	return errLate
}

// try probes Redis, and closes the circuit if it is back.
func (c *circuit) try() {
	if err := c.prompt(); err != nil {
		c.counts.failures.Add(1)
		c.mu.Lock()
		warn := c.missed()
		c.mu.Unlock()
		c.log(warn, err)
		return
	}
	c.mu.Lock()
	warned, away := c.warned, time.Since(c.since)
	c.since = time.Now()
	c.fails = max(c.fails, 1) // until it has settled
	c.counts.away.Add(-1)
	c.era.Add(1)
	c.mu.Unlock()
	if warned {
		report.Log(func() {
			c.logger.Info("redislimit: Redis is back; all replicas share the rates", slog.Duration("away", away))
		})
	}
}

// missed sets the time of the next probe, and reports whether this outage must be logged. The
// circuit is locked.
func (c *circuit) missed() (warn bool) {
	pause := min(firstPause<<min(c.fails, 16), lastPause)
	c.fails++
	c.next.Store(int64(time.Since(c.epoch) + pause))
	warn, c.warned = !c.warned, true
	return warn
}

func (c *circuit) log(warn bool, err error) {
	if warn {
		report.Log(func() {
			c.logger.Warn("redislimit: Redis is away; this replica allows its share of the rates", slog.String("error", shortened(err)))
		})
	}
}

// maxErrorText bounds how much of an error's text is logged: a server may reply anything.
const maxErrorText = 256

func shortened(err error) string {
	text := err.Error()
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}
