package bounds

import "net"

// Call is a call whose handler is running. The zero Call does not count.
type Call struct {
	bounds *Bounds
	peer   *peerUse // nil if peers have no separate limit
	holds  bool     // whether the call keeps the peer from being forgotten, besides its number
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
	perPeer := raised(b.limits.CallsPerPeer, essential)
	if call, verdict, ok := b.beginOn(a.on(addr), limit, perPeer); ok {
		return call, verdict
	}
	peer := b.peers.acquire(PeerOf(addr))
	verdict := enterBoth(&b.all.handlers, &peer.handlers, limit, perPeer)
	if verdict != Accepted {
		peer.release()
		return Call{}, verdict
	}
	return Call{bounds: b, peer: peer, holds: true}, Accepted
}

// on returns the connection of a call whose peer is the one at addr, or nil.
func (a *Arrival) on(addr net.Addr) *Conn {
	if !a.IsFrom(addr) || a.Client != nil {
		return nil
	}
	return a.conn
}

// beginOn counts a call for the peer of its connection. ok is false if the connection may have been
// closed: then the peer may be forgotten, and another one with its address be counted. A peer with
// handlers is not forgotten.
func (b *Bounds) beginOn(conn *Conn, limit, perPeer int) (call Call, verdict Verdict, ok bool) {
	if conn == nil {
		return Call{}, Accepted, false
	}
	peer := conn.peer
	verdict = enterBoth(&b.all.handlers, &peer.handlers, limit, perPeer)
	if !conn.closed.Load() {
		if verdict != Accepted {
			return Call{}, verdict, true
		}
		return Call{bounds: b, peer: peer}, Accepted, true
	}
	if verdict == Accepted {
		Call{bounds: b, peer: peer}.End()
	}
	return Call{}, Accepted, false
}

// End stops counting the call. Only the first End has an effect.
func (c Call) End() {
	if c.bounds == nil {
		return
	}
	c.bounds.all.handlers.Add(-1)
	if c.peer != nil {
		c.peer.handlers.Add(-1)
		if c.holds {
			c.peer.release()
		}
	}
}
