package connpool

import (
	"sync/atomic"

	"google.golang.org/grpc/balancer"
)

// closedUsage as the lower half of usage marks a connection that takes no more calls.
const closedUsage = 1<<32 - 1

// load counts the calls on a connection since it became READY. Streams that were lost before, and
// that their callers have not finished yet, do not count.
type load struct {
	conn  *conn
	limit uint32
	done  func(balancer.DoneInfo) // release, bound once
	usage atomic.Uint64           // lower half: calls that run; upper half: calls that started
}

func newLoad(c *conn) *load {
	l := &load{conn: c, limit: c.limit.Load()}
	l.done = l.release
	return l
}

// take takes a place for a call, and returns how many are left.
func (l *load) take() (left uint32, ok bool) {
	for {
		usage := l.usage.Load()
		open := uint32(usage)
		if open >= l.limit {
			return 0, false
		}
		if l.usage.CompareAndSwap(usage, usage+1<<32+1) {
			return l.limit - open - 1, true
		}
	}
}

// exceed takes a place beyond the limit.
func (l *load) exceed() bool {
	for {
		usage := l.usage.Load()
		if uint32(usage) >= closedUsage-1 {
			return false
		}
		if l.usage.CompareAndSwap(usage, usage+1<<32+1) {
			return true
		}
	}
}

// release returns the place of a call.
func (l *load) release(balancer.DoneInfo) {
	l.usage.Add(^uint64(0))
	if p := l.conn.server.pool; p.blocked.Load() > 0 {
		p.wakeSoon()
	}
}

// carry makes a pick of the server one of this connection.
func (l *load) carry(pick balancer.PickResult) balancer.PickResult {
	pick.SubConn = l.conn.sc
	if done := pick.Done; done != nil {
		pick.Done = func(info balancer.DoneInfo) {
			done(info)
			l.release(info)
		}
	} else {
		pick.Done = l.done
	}
	return pick
}

// open returns how many calls run.
func (l *load) open() uint32 { return uint32(l.usage.Load()) }

// hasRoom reports whether take would succeed.
func (l *load) hasRoom() bool { return l.open() < l.limit }

// nearLimit reports whether the next connection should be opened when left places are left.
func (l *load) nearLimit(left uint32) bool { return left <= 1 || left <= l.limit/10 }
