package bounds

import "net"

// Call is a call whose handler runs. The zero Call counts for nothing.
type Call struct {
	bounds *Bounds
	peer   *peerUse // nil where peers have no limit of their own
}

// Begin counts a call from addr whose handler begins, unless there are too many. a is its arrival, nil where
// it is not known. Essential calls have a higher limit.
func (b *Bounds) Begin(a *Arrival, addr net.Addr, essential bool) (Call, Verdict) {
	if a.Rejected() {
		return Call{}, a.verdict
	}
	limit := raised(b.limits.Calls, essential)
	if b.limits.CallsPerPeer <= 0 {
		if !enter(&b.all.handlers, limit) {
			return Call{}, ServerFull
		}
		return Call{bounds: b}, Accepted
	}
	peer := b.peers.acquire(PeerOf(addr))
	verdict := enterBoth(&b.all.handlers, &peer.handlers, limit, raised(b.limits.CallsPerPeer, essential))
	if verdict != Accepted {
		peer.release()
		return Call{}, verdict
	}
	return Call{bounds: b, peer: peer}, Accepted
}

// End ends the call, once.
func (c Call) End() {
	if c.bounds == nil {
		return
	}
	c.bounds.all.handlers.Add(-1)
	if c.peer != nil {
		c.peer.handlers.Add(-1)
		c.peer.release()
	}
}
