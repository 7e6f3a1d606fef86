package samezone

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

// zoneBalancer divides the servers into two groups, those in the caller's zone and all others, and
// lets a balancer of the child policy balance each. Both are connected all the time, so that
// calls can move at once.
//
// grpc calls the methods one after the other, and the listeners of connections too. The children
// may report a state at any time and from any goroutine.
type zoneBalancer struct {
	cc   balancer.ClientConn
	opts balancer.BuildOptions

	// turn counts the picks that are divided between the groups. It outlives pickers, which
	// change often, so that the shares are exact.
	turn atomic.Uint64

	// isLocal is false while the resolver has no server in the caller's zone.
	isLocal bool

	// mu guards what follows, including the fields of the groups that say so. It is not held
	// while a method of a child is called, because children report their state holding locks of
	// their own.
	mu        sync.Mutex
	local     *group // nil without servers
	other     *group // nil without servers
	published shares
	err       error // why there are no servers
	quiet     bool  // an update is in progress, or the balancer is closed
}

// UpdateClientConnState divides the servers between the groups. It returns the first error of a
// child, and gives all children their servers nevertheless.
func (b *zoneBalancer) UpdateClientConnState(s balancer.ClientConnState) error {
	c, ok := s.BalancerConfig.(*config)
	if !ok {
		return fmt.Errorf("%s: unexpected config of type %T: %w",
			Name, s.BalancerConfig, balancer.ErrBadResolverState)
	}
	local, other := divide(s.ResolverState.Endpoints, c.zone)
	b.warn(c.zone, len(local), len(other))

	b.setQuiet(true)
	errs := [...]error{
		b.update(&b.local, c, stateOf(s.ResolverState, local)),
		b.update(&b.other, c, stateOf(s.ResolverState, other)),
	}
	b.mu.Lock()
	if len(local)+len(other) == 0 {
		b.err = errors.New("the resolver returned no addresses")
		errs[0] = balancer.ErrBadResolverState
	}
	b.quiet = false
	b.publishLocked()
	b.mu.Unlock()
	b.wake()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// divide returns the endpoints in zone and the others, among them those without a zone.
func divide(endpoints []resolver.Endpoint, zone string) (local, other []resolver.Endpoint) {
	for _, e := range endpoints {
		if endpoint.Zone(e) == zone {
			local = append(local, e)
		} else {
			other = append(other, e)
		}
	}
	return local, other
}

// stateOf returns the part of a resolver's state that concerns the endpoints.
func stateOf(s resolver.State, endpoints []resolver.Endpoint) resolver.State {
	s.Endpoints = endpoints
	s.Addresses = nil // read by policies that do not know endpoints
	for _, e := range endpoints {
		s.Addresses = append(s.Addresses, e.Addresses...)
	}
	return s
}

// warn logs that the zone has no servers, which is often a misspelled zone: once, and again after
// it had some.
func (b *zoneBalancer) warn(zone string, local, other int) {
	wasLocal := b.isLocal
	b.isLocal = local > 0 || other == 0
	if wasLocal && !b.isLocal {
		grpclog.Warningf("%s: none of the %d servers is in the zone %q; calls go to other zones",
			Name, other, zone)
	}
}

// update gives a group its servers. A group without servers is closed, and so is one that another
// policy balances from now on.
func (b *zoneBalancer) update(at **group, c *config, s resolver.State) error {
	g := *at
	if g != nil && (len(s.Endpoints) == 0 || g.policy != c.child.Name()) {
		g.close()
		g = nil
	}
	if g == nil && len(s.Endpoints) > 0 {
		g = newGroup(b, c.child)
	}
	b.mu.Lock()
	*at = g
	b.mu.Unlock()
	if g == nil {
		return nil
	}
	return g.update(balancer.ClientConnState{ResolverState: s, BalancerConfig: c.child.Config})
}

// ResolverError forwards the error. The children ignore it while they have servers.
func (b *zoneBalancer) ResolverError(err error) {
	b.mu.Lock()
	local, other := b.local, b.other
	if local == nil && other == nil {
		b.err = fmt.Errorf("name resolver error: %w", err)
		b.publishLocked()
	}
	b.mu.Unlock()
	for _, g := range [...]*group{local, other} {
		if g != nil {
			g.child.ResolverError(err)
		}
	}
	b.settle()
}

// UpdateSubConnState is never called: every connection has a listener.
func (b *zoneBalancer) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle makes the children connect.
func (b *zoneBalancer) ExitIdle() {
	for _, g := range b.groups() {
		if g != nil {
			g.child.ExitIdle()
		}
	}
}

// Close closes the children and their connections.
func (b *zoneBalancer) Close() {
	b.setQuiet(true)
	for _, g := range b.groups() {
		if g != nil {
			g.close()
		}
	}
}

func (b *zoneBalancer) groups() [2]*group {
	b.mu.Lock()
	defer b.mu.Unlock()
	return [...]*group{b.local, b.other}
}

func (b *zoneBalancer) setQuiet(quiet bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quiet = quiet
}

// settle follows an event of a connection, after the child has handled it. Children report new
// states themselves; what is left is a share that changed nevertheless, and children that are now
// idle.
func (b *zoneBalancer) settle() {
	b.mu.Lock()
	if sharesOf(b.local, b.other) != b.published {
		b.publishLocked()
	}
	b.mu.Unlock()
	b.wake()
}

// wake makes idle children connect again: a group without calls must be ready when calls move to
// it. It does so between events rather than in a goroutine, because children expect to be called
// one method at a time.
func (b *zoneBalancer) wake() {
	for _, g := range b.groups() {
		if g != nil && g.isIdle() {
			g.child.ExitIdle()
		}
	}
}

// publishLocked reports the state of the connection and its picker to grpc.
func (b *zoneBalancer) publishLocked() {
	if b.quiet {
		return
	}
	b.published = sharesOf(b.local, b.other)
	b.cc.UpdateState(b.stateLocked())
}

func (b *zoneBalancer) stateLocked() balancer.State {
	if b.local.stateLocked() == connectivity.Ready && b.other.stateLocked() == connectivity.Ready {
		return balancer.State{
			ConnectivityState: connectivity.Ready,
			Picker:            newPicker(b.local.state.Picker, b.other.state.Picker, b.published, &b.turn),
		}
	}
	for _, want := range [...]connectivity.State{
		connectivity.Ready, connectivity.Connecting, connectivity.Idle, connectivity.TransientFailure,
	} {
		for _, g := range [...]*group{b.local, b.other} {
			if g.stateLocked() == want {
				return balancer.State{ConnectivityState: want, Picker: &onePicker{g.state.Picker}}
			}
		}
	}
	return balancer.State{
		ConnectivityState: connectivity.TransientFailure,
		Picker:            base.NewErrPicker(b.err),
	}
}
