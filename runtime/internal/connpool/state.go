package connpool

import (
	"slices"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// onState follows the state of a connection. grpc serializes its calls, and those of onHealth, with
// the calls of the child.
func (c *conn) onState(state balancer.SubConnState) {
	s, p := c.server, c.server.pool
	p.mu.Lock()
	if c.gone {
		last := s.closed && c.sc == s.SubConn && state.ConnectivityState == connectivity.Shutdown
		p.mu.Unlock()
		if last {
			s.notify(state)
		}
		return
	}
	lost := c.state == connectivity.Ready
	c.state, c.health = state.ConnectivityState, connectivity.Ready
	if c.state == connectivity.Ready {
		c.load, c.since = newLoad(c), time.Now()
	}
	if s.producers == c && lost || !slices.ContainsFunc(s.conns, func(other *conn) bool {
		return other != c && other.state == connectivity.Ready
	}) {
		shut := s.become(c)
		s.notifying = true
		p.mu.Unlock()
		shutdown(shut)
		s.notify(state)
		s.notified()
		return
	}
	// The server stays READY through another connection.
	checked := c.state == connectivity.Ready && s.listener != nil
	if checked {
		c.health = connectivity.Connecting
	}
	if lost {
		s.remove(c)
	}
	s.refresh()
	p.publish()
	p.mu.Unlock()
	if checked {
		c.sc.RegisterHealthListener(c.onHealth)
	}
	if lost {
		c.sc.Shutdown()
	}
}

// become makes c the only connection, whose state is the server's. It returns those to shut down.
// pool.mu is held.
func (s *server) become(c *conn) []*conn {
	var shut []*conn
	for _, other := range s.conns {
		if other != c {
			other.gone = true
			shut = append(shut, other)
		}
	}
	s.conns = []*conn{c}
	s.state = c.state
	s.listener, s.producers = nil, nil
	s.refresh()
	return shut
}

// remove removes c from the connections. pool.mu is held.
func (s *server) remove(c *conn) {
	c.gone = true
	s.conns = slices.DeleteFunc(s.conns, func(other *conn) bool { return other == c })
}

// notify tells the child the state of the server, unless the child is closed.
func (s *server) notify(state balancer.SubConnState) {
	if s.owner != s.pool.owner {
		return
	}
	if s.opts.StateListener != nil {
		s.opts.StateListener(state)
	} else {
		//lint:ignore SA1019 balancers may still use it
		s.pool.child.UpdateSubConnState(s, state)
	}
}

// notified publishes what the child made of a state or health that it was notified of.
func (s *server) notified() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.notifying = false
	s.pool.publish()
}

// onHealth follows the health of a connection. The server is healthy while any connection is.
func (c *conn) onHealth(state balancer.SubConnState) {
	s, p := c.server, c.server.pool
	p.mu.Lock()
	if c.gone || s.listener == nil {
		p.mu.Unlock()
		return
	}
	c.health = state.ConnectivityState
	s.refresh()
	if len(s.set.Load().usable) > 0 {
		state = balancer.SubConnState{ConnectivityState: connectivity.Ready}
	}
	listener, changed := s.listener, s.health != state.ConnectivityState
	s.health = state.ConnectivityState
	s.notifying = true
	p.mu.Unlock()
	if changed || state.ConnectivityState != connectivity.Ready {
		listener(state)
	}
	s.notified()
}

// RegisterHealthListener implements [balancer.SubConn].
func (s *server) RegisterHealthListener(listener func(balancer.SubConnState)) {
	s.pool.mu.Lock()
	s.listener, s.health = listener, connectivity.Idle
	var ready []*conn
	for _, c := range s.conns {
		if c.state == connectivity.Ready {
			ready = append(ready, c)
			c.health = connectivity.Connecting
			if listener == nil {
				c.health = connectivity.Ready
			}
		}
	}
	s.refresh()
	s.pool.mu.Unlock()
	for _, c := range ready {
		if listener == nil {
			c.sc.RegisterHealthListener(nil)
		} else {
			c.sc.RegisterHealthListener(c.onHealth)
		}
	}
}
