package connpool

import (
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// server is the SubConn of a server that the child balancer sees. It has one connection, and more
// while it is READY and needs them.
type server struct {
	balancer.SubConn // the first connection's, which may be gone; all methods are overridden
	pool             *pool
	owner            *clientConn // of the child that has the server
	addrs            []resolver.Address
	opts             balancer.NewSubConnOptions
	reserved         uint32 // streams of each connection that are not calls

	set     atomic.Pointer[connSet]
	growing atomic.Bool // whether grow runs

	// Guarded by pool.mu.
	conns     []*conn
	state     connectivity.State
	listener  func(balancer.SubConnState)
	health    connectivity.State // that listener knows
	notifying bool               // whether the child is being notified of the state or health
	producers *conn              // has producers of the child
	closed    bool
}

// connSet is what picks need of a server.
type connSet struct {
	usable   []*load
	opening  bool // whether a connection will become usable or fail
	growable bool // whether grow may be called
}

// refresh stores the set. pool.mu is held.
func (s *server) refresh() {
	set := new(connSet)
	idle := false
	for _, c := range s.conns {
		if c.usable() {
			set.usable = append(set.usable, c.load)
		}
		set.opening = set.opening || c.opening()
		idle = idle || c.state == connectivity.Idle
	}
	set.growable = s.state == connectivity.Ready && !s.closed && !set.opening &&
		(idle || len(s.conns) < s.pool.config.connections)
	s.set.Store(set)
}

// starting reports whether the server will soon take calls or fail. A server whose READY the child
// does not know yet is not in the picker of the child. pool.mu is held.
func (s *server) starting() bool {
	set := s.set.Load()
	return s.notifying || s.state == connectivity.Connecting ||
		len(set.usable) == 0 && set.opening && s.state == connectivity.Ready
}

// take takes a place for a call on the first connection with room, so that the others become idle.
// It opens the next one if few places are left.
func (s *server) take() *load {
	set := s.set.Load()
	for i, l := range set.usable {
		left, ok := l.take()
		if !ok {
			continue
		}
		if l.nearLimit(left) && set.growable && !slices.ContainsFunc(set.usable[i+1:], (*load).hasRoom) {
			s.startGrow()
		}
		return l
	}
	return nil
}

// hasRoom reports whether take would return a connection.
func (s *server) hasRoom() bool {
	return slices.ContainsFunc(s.set.Load().usable, (*load).hasRoom)
}

// takeOrGrow is take that opens a connection if none has room. It reports whether the server will
// or may have room: in that case a new picker is published.
func (s *server) takeOrGrow() (l *load, wait bool) {
	before := s.set.Load() // of a connection that becomes usable, take or before knows
	if l := s.take(); l != nil {
		return l, false
	}
	now := s.set.Load()
	if now.growable {
		s.startGrow()
	}
	return nil, before.growable || before.opening || now.growable || now.opening
}

// exceed takes a place on the connection with the fewest calls: grpc queues the call there.
func (s *server) exceed() *load {
	var least *load
	for _, l := range s.set.Load().usable {
		if least == nil || l.open() < least.open() {
			least = l
		}
	}
	if least == nil || !least.exceed() {
		return nil
	}
	return least
}

// startGrow opens a connection without blocking.
func (s *server) startGrow() {
	if s.growing.CompareAndSwap(false, true) {
		go s.grow()
	}
}

// grow opens one more connection, or one that failed before. It resets growing while it holds
// pool.mu, so that no pick that finds the server growable after it is ignored.
func (s *server) grow() {
	if c, ok := s.reopen(); !ok {
		return
	} else if c != nil {
		c.sc.Connect()
		return
	}
	c, err := s.open()
	if err != nil { // the ClientConn closes
		return
	}
	if s.add(c) {
		c.sc.Connect()
	} else {
		c.sc.Shutdown()
	}
}

// reopen returns a connection that failed before, or nil to open one, and whether to do either.
func (s *server) reopen() (*conn, bool) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if !s.set.Load().growable {
		s.growing.Store(false)
		return nil, false
	}
	for _, c := range s.conns {
		if c.state == connectivity.Idle {
			c.state = connectivity.Connecting
			s.growing.Store(false)
			s.refresh()
			return c, true
		}
	}
	return nil, true
}

// add adds a connection unless it is needed no more.
func (s *server) add(c *conn) bool {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.growing.Store(false)
	if !s.set.Load().growable {
		c.gone = true
		return false
	}
	c.state, c.since = connectivity.Connecting, time.Now()
	s.conns = append(s.conns, c)
	s.refresh()
	s.pool.watchIdle()
	return true
}

// open returns a connection that does not connect yet.
func (s *server) open() (*conn, error) {
	c := &conn{server: s, state: connectivity.Idle, health: connectivity.Ready}
	c.limit.Store(assumedLimit)
	c.load = newLoad(c)
	opts := s.opts
	opts.StateListener = c.onState
	var err error
	//lint:ignore SA1019 only its use with several addresses is deprecated
	c.sc, err = s.pool.cc.NewSubConn(mark(s.addrs, c), opts)
	return c, err
}

// GetOrBuildProducer implements [balancer.SubConn]. The child notices the end of the connection
// that has the producer.
func (s *server) GetOrBuildProducer(b balancer.ProducerBuilder) (balancer.Producer, func()) {
	s.pool.mu.Lock()
	if s.producers == nil {
		i := slices.IndexFunc(s.conns, func(c *conn) bool { return c.state == connectivity.Ready })
		s.producers = s.conns[max(i, 0)]
	}
	sc := s.producers.sc
	s.pool.mu.Unlock()
	return sc.GetOrBuildProducer(b)
}

// Connect implements [balancer.SubConn].
func (s *server) Connect() {
	s.pool.mu.Lock()
	sc := s.conns[0].sc
	if s.state == connectivity.Idle {
		s.state = connectivity.Connecting // grpc will report it
		s.pool.publish()
	}
	s.pool.mu.Unlock()
	sc.Connect()
}

// UpdateAddresses implements [balancer.SubConn].
func (s *server) UpdateAddresses(addrs []resolver.Address) {
	s.pool.mu.Lock()
	first := s.conns[0]
	listener, producers := s.listener, s.producers
	s.addrs = addrs
	shut := s.become(first)
	if s.listener = listener; producers == first {
		s.producers = first
	}
	s.pool.mu.Unlock()
	shutdown(shut)
	//lint:ignore SA1019 balancers may still use it
	first.sc.UpdateAddresses(mark(addrs, first))
}

// Shutdown implements [balancer.SubConn]. Calls that run finish.
func (s *server) Shutdown() {
	s.pool.mu.Lock()
	s.closed = true
	shut := slices.Clone(s.conns)
	for _, c := range shut {
		c.gone = true
	}
	s.refresh()
	delete(s.pool.servers, s)
	s.pool.mu.Unlock()
	shutdown(shut)
}

// removeIdle removes and returns connections that had no calls for the given time, but leaves one
// that is usable. pool.mu is held.
func (s *server) removeIdle(now time.Time, idle time.Duration) []*conn {
	var removed []*conn
	for _, c := range slices.Backward(slices.Clone(s.conns)) {
		usage := c.load.usage.Load()
		if usage != c.seen || uint32(usage) > 0 || c.opening() {
			c.seen, c.since = usage, now
			continue
		}
		last := c.usable() && len(s.set.Load().usable) == 1 || c == s.producers
		if len(s.conns) == 1 || last || now.Sub(c.since) < idle || !c.load.usage.CompareAndSwap(usage, closedUsage) {
			continue
		}
		s.remove(c)
		s.refresh()
		removed = append(removed, c)
	}
	return removed
}

// shutdown shuts connections down. Calls on them finish.
func shutdown(conns []*conn) {
	for _, c := range conns {
		c.sc.Shutdown()
	}
}
