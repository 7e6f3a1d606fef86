// Package connpool is a balancer of grpc that opens several connections to each server.
//
// It wraps the balancer that chooses servers. That one sees one SubConn per server, a [server],
// which is READY while any of its connections is. The picker replaces the server that was chosen
// by one of its connections with room. A further connection is opened when few streams are left
// of those open, and closed when it has had no streams for a while.
//
// The rules are those of gRFC A105, which grpc-go does not implement: connections are used from the
// oldest to the newest, and a server opens one at a time.
package connpool

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// pool implements [balancer.Balancer].
type pool struct {
	cc    balancer.ClientConn
	build balancer.BuildOptions
	child balancer.Balancer // nil before the first config; used only where grpc serializes
	name  string            // of child
	owner *clientConn       // of child; changes where grpc serializes, while mu is held

	blocked atomic.Int32 // calls that wait for a place since the last wake
	waking  atomic.Bool  // whether a wake is scheduled

	// mu guards the fields below, and those of servers and conns. No method of child or of a SubConn
	// is called while it is held; cc.UpdateState is, to keep the order of pickers.
	mu      sync.Mutex
	config  *config
	state   balancer.State // of child
	servers map[*server]struct{}
	closed  bool
	timer   *time.Timer // runs while a server has more than one connection
}

func newPool(cc balancer.ClientConn, opts balancer.BuildOptions) *pool {
	return &pool{cc: cc, build: opts, servers: make(map[*server]struct{})}
}

// UpdateClientConnState implements [balancer.Balancer].
func (p *pool) UpdateClientConnState(state balancer.ClientConnState) error {
	config, ok := state.BalancerConfig.(*config)
	if !ok {
		return balancer.ErrBadResolverState
	}
	p.mu.Lock()
	p.config = config
	for s := range p.servers {
		s.refresh()
	}
	p.mu.Unlock()
	if p.child == nil || p.name != config.child.Name() {
		p.closeChild()
		owner := &clientConn{p.cc, p}
		p.mu.Lock()
		p.owner = owner
		p.mu.Unlock()
		p.name = config.child.Name()
		p.child = config.child.Build(owner, p.build)
	}
	state.BalancerConfig = config.child.Config
	return p.child.UpdateClientConnState(state)
}

// ResolverError implements [balancer.Balancer].
func (p *pool) ResolverError(err error) {
	if p.child != nil {
		p.child.ResolverError(err)
		return
	}
	p.cc.UpdateState(balancer.State{
		ConnectivityState: connectivity.TransientFailure, Picker: base.NewErrPicker(err),
	})
}

// UpdateSubConnState implements [balancer.Balancer]. SubConns have listeners instead.
func (p *pool) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements [balancer.Balancer].
func (p *pool) ExitIdle() {
	if p.child != nil {
		p.child.ExitIdle()
	}
}

// Close implements [balancer.Balancer].
func (p *pool) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.closeChild()
}

// closeChild closes the child and its servers, which balancers need not shut down. What the child
// reports after that is ignored.
func (p *pool) closeChild() {
	if p.child != nil {
		p.child.Close()
	}
	p.mu.Lock()
	p.owner = nil
	var left []*server
	for s := range p.servers {
		left = append(left, s)
	}
	p.mu.Unlock()
	for _, s := range left {
		s.Shutdown()
	}
}

// publish gives grpc a new picker: blocked calls pick again. p.mu is held.
func (p *pool) publish() {
	if p.closed || p.state.Picker == nil {
		return
	}
	next := &picker{child: p.state.Picker, pool: p, tries: 1}
	if len(p.servers) > 1 {
		next.tries = maxTries
	}
	for s := range p.servers {
		next.starting = next.starting || s.starting()
	}
	p.cc.UpdateState(balancer.State{ConnectivityState: p.state.ConnectivityState, Picker: next})
}

// wakeSoon lets blocked calls pick again. All of them do, mostly in vain, so the delay grows with
// their number.
func (p *pool) wakeSoon() {
	if p.waking.CompareAndSwap(false, true) {
		delay := time.Duration(p.blocked.Load()) * 10 * time.Microsecond
		time.AfterFunc(min(delay, 10*time.Millisecond), p.wake)
	}
}

func (p *pool) wake() {
	p.waking.Store(false)
	p.blocked.Store(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish()
}

// watchIdle starts the timer that closes idle connections, if it does not run. p.mu is held.
func (p *pool) watchIdle() {
	if p.timer == nil && !p.closed {
		p.timer = time.AfterFunc(p.config.idle/4, p.closeIdle)
	}
}

// closeIdle closes connections without a need, and continues while a server has more than one.
func (p *pool) closeIdle() {
	now := time.Now()
	var shut []*conn
	p.mu.Lock()
	several := false
	for s := range p.servers {
		shut = append(shut, s.removeIdle(now, p.config.idle)...)
		several = several || len(s.conns) > 1
	}
	p.timer = nil
	if len(shut) > 0 {
		p.publish()
	}
	if several {
		p.watchIdle()
	}
	p.mu.Unlock()
	shutdown(shut)
}

// reserved returns how many streams of a connection are not calls.
func (p *pool) reserved() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config.reserved
}

var errChildClosed = errors.New("connpool: the child balancer is closed")

// clientConn is what the child balancer has of grpc's ClientConn.
type clientConn struct {
	balancer.ClientConn
	pool *pool
}

// UpdateState implements [balancer.ClientConn].
func (c *clientConn) UpdateState(state balancer.State) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if c != c.pool.owner {
		return
	}
	c.pool.state = state
	c.pool.publish()
}

// NewSubConn implements [balancer.ClientConn].
func (c *clientConn) NewSubConn(
	addrs []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	s := &server{pool: c.pool, owner: c, addrs: addrs, opts: opts, reserved: c.pool.reserved()}
	first, err := s.open()
	if err != nil {
		return nil, err
	}
	s.SubConn = first.sc
	s.conns = []*conn{first}
	if !c.add(s) {
		first.sc.Shutdown()
		return nil, errChildClosed
	}
	return s, nil
}

// add adds a server unless the child is closed.
func (c *clientConn) add(s *server) bool {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if c != c.pool.owner {
		return false
	}
	s.refresh()
	c.pool.servers[s] = struct{}{}
	return true
}

// UpdateAddresses implements [balancer.ClientConn].
func (c *clientConn) UpdateAddresses(sc balancer.SubConn, addrs []resolver.Address) {
	//lint:ignore SA1019 balancers may still use it
	sc.UpdateAddresses(addrs)
}

// RemoveSubConn implements [balancer.ClientConn].
func (c *clientConn) RemoveSubConn(sc balancer.SubConn) { sc.Shutdown() }
