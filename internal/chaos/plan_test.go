//go:build linux

package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/internal/chaos/faults"
)

// fault breaks something, and mends it again.
type fault struct {
	name string
	do   func(*cluster) error
}

// The faults. Those that last do so for longer than a lease, so that others claim operations.
var (
	kill = fault{"kill -9", func(c *cluster) error { return c.member().Kill() }}
	// killTwo leaves one replica.
	killTwo = fault{"kill -9 of two", func(c *cluster) error {
		first := c.rand.IntN(replicas)
		if err := c.members[first].Kill(); err != nil {
			return err
		}
		return c.members[(first+1)%replicas].Kill()
	}}
	stop = fault{"SIGSTOP", func(c *cluster) error {
		m := c.member()
		m.Stop()
		c.sleep(2 * lease)
		m.Continue()
		return nil
	}}
	drain = fault{"SIGTERM", func(c *cluster) error { return c.member().Drain(30 * time.Second) }}
	cut   = fault{"cut connections", func(c *cluster) error {
		c.member().Reset()
		return nil
	}}
	hole = fault{"black hole", func(c *cluster) error {
		m := c.member()
		m.Blackhole(true)
		c.sleep(2 * lease)
		m.Blackhole(false)
		return nil
	}}
	// killDatabase takes longer than stores repeat their statements.
	killDatabase = fault{"kill -9 of the database", func(c *cluster) error {
		c.pg.Kill()
		c.sleep(2 * lease)
		return c.pg.Start(c.ctx)
	}}
	clockForward = fault{"clock forward", func(c *cluster) error { return c.jump(time.Hour) }}
	clockBack    = fault{"clock back", func(c *cluster) error { return c.jump(-lease) }}
	diskFull     = fault{"disk full", (*cluster).fillDisk}
	killNATS     = fault{"kill -9 of NATS", func(c *cluster) error { return c.nats.Kill() }}
)

// member returns a replica for a fault.
func (c *cluster) member() *member { return c.members[c.rand.IntN(replicas)] }

// sleep waits, or until the test ends.
func (c *cluster) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.ctx.Done():
	}
}

// jump sets the clock of the database forward or back, and waits until its processes know.
func (c *cluster) jump(by time.Duration) error {
	if c.clock == nil {
		return errSkipped
	}
	c.offset += by
	if err := c.clock.Set(c.offset); err != nil {
		return err
	}
	c.sleep(faults.ClockDelay)
	return nil
}

// fillDisk leaves the database no room, until writes have failed. If it does not survive that, it
// is started again, as an operator would.
func (c *cluster) fillDisk() error {
	if c.disk == nil {
		return errSkipped
	}
	if err := c.disk.Fill(); err != nil {
		return err
	}
	// The room that files of the log still have differs: write until there is none.
	for c.ctx.Err() == nil {
		if _, err := c.pool.Exec(c.ctx,
			`CREATE TABLE IF NOT EXISTS chaos.filler AS
				SELECT repeat('x', 1000) FROM generate_series(1, 1000)`); err != nil {
			break
		}
		if _, err := c.pool.Exec(c.ctx,
			`INSERT INTO chaos.filler SELECT * FROM chaos.filler`); err != nil {
			break
		}
	}
	c.sleep(lease)
	if err := c.disk.Free(); err != nil {
		return err
	}
	if _, err := c.pool.Exec(c.ctx, `DROP TABLE IF EXISTS chaos.filler`); err == nil {
		return nil
	}
	c.pg.Kill()
	if err := c.pg.Start(c.ctx); err != nil {
		return err
	}
	_, err := c.pool.Exec(c.ctx, `DROP TABLE IF EXISTS chaos.filler`)
	return err
}

var errSkipped = fmt.Errorf("there is no such fault here")

// several returns a number of equal faults.
func several(n int, f fault) []fault { return slices.Repeat([]fault{f}, n) }

// breakAll releases the items of gates in portions and breaks something in the middle of each.
func (c *cluster) breakAll(plan []fault, gates ...*gate) {
	c.rand.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	for i, f := range plan {
		at := float64(i) + 0.1 + 0.8*c.rand.Float64() // of a portion
		for _, g := range gates {
			g.release(g.total * (i + 1) / (len(plan) + 1))
		}
		for _, g := range gates {
			// Not for longer: a fault during a stall is one of those that are looked for.
			g.awaitDone(c.ctx, int(at*float64(g.total)/float64(len(plan)+1)), 2*lease)
		}
		switch err := f.do(c); {
		case c.ctx.Err() != nil:
			return
		case err == errSkipped:
		case err != nil:
			c.t.Errorf("fault %d, %s: %v", i, f.name, err)
		default:
			c.counts[f.name]++
		}
	}
	for _, g := range gates {
		g.release(g.total)
	}
}

// broken describes the faults that there were.
func (c *cluster) broken() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", c.counts[name], name))
	}
	return strings.Join(parts, ", ")
}
