package bounds

import "net"

// Call is a call whose handler is running. The zero Call does not count.
type Call struct {
	bounds *Bounds
	peer   *peerUse // nil if peers have no separate limit
}

// Begin counts a call from addr whose handler starts, unless there are too many. a is the call's
// arrival, or nil if it is unknown. Essential calls have a higher limit.
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

// End stops counting the call. Only the first End has an effect.
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
