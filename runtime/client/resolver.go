package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// WithResolvers adds resolvers for schemes of targets, for this connection only. See [NewResolver].
func WithResolvers(builders ...resolver.Builder) Option {
	return func(c *settings) {
		for _, b := range builders {
			if b == nil {
				c.fail("WithResolvers(nil): pass a resolver")
				continue
			}
			if slices.ContainsFunc(c.resolvers, func(other resolver.Builder) bool {
				return other.Scheme() == b.Scheme()
			}) {
				c.fail("WithResolvers: the scheme %q has a resolver; use another scheme", b.Scheme())
				continue
			}
			c.resolvers = append(c.resolvers, b)
		}
	}
}

// WatchFunc finds the servers of a target, and reports all of them whenever they change, until ctx
// ends. Calls of update may not overlap, and have no effect after ctx has ended.
//
// If it returns earlier, with an error or without, it is called again after a random wait of up to
// 100 ms, which doubles up to 30 seconds with each time that update was not called. The servers of
// the last update remain in use. Only while there are none do calls fail, with UNAVAILABLE and the
// error.
type WatchFunc func(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error

// NewResolver returns a resolver for targets of a scheme, such as "registry:///books":
//
//	books := client.NewResolver("registry", func(
//		ctx context.Context, target *url.URL, update func([]resolver.Endpoint),
//	) error {
//		for {
//			addresses, err := registry.Next(ctx, target.Path) // waits for a change
//			if err != nil {
//				return err
//			}
//			var servers []resolver.Endpoint
//			for _, address := range addresses {
//				servers = append(servers, endpoint.New(address))
//			}
//			update(servers)
//		}
//	})
//	conn, err := client.Dial("registry:///books", client.WithResolvers(books))
//
// The function runs in a goroutine for each connection that is not idle. Servers that it reports
// twice count once. A report without servers makes calls fail with UNAVAILABLE.
func NewResolver(scheme string, watch WatchFunc) resolver.Builder {
	return watchBuilder{strings.ToLower(scheme), watch}
}

type watchBuilder struct {
	scheme string
	watch  WatchFunc
}

func (b watchBuilder) Scheme() string { return b.scheme }

func (b watchBuilder) Build(
	target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions,
) (resolver.Resolver, error) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &watching{
		watch: b.watch, target: target.URL, cc: cc,
		ctx: ctx, cancel: cancel, again: make(chan struct{}, 1),
	}
	go r.run()
	return r, nil
}

// watching is the resolver of one connection.
type watching struct {
	watch  WatchFunc
	target url.URL
	cc     resolver.ClientConn

	ctx    context.Context
	cancel context.CancelFunc
	again  chan struct{} // asks for the next call of watch

	mu      sync.Mutex
	known   bool // whether there are servers
	updated bool // since watch was called
}

// ResolveNow implements [resolver.Resolver].
func (r *watching) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// Close implements [resolver.Resolver]. It does not wait for a function that ignores its context.
func (r *watching) Close() { r.cancel() }

// run calls watch until the resolver is closed.
func (r *watching) run() {
	for attempts := 1; ; attempts++ {
		err := r.call()
		if r.ctx.Err() != nil {
			return
		}
		if r.failed(err) {
			attempts = 1
		}
		r.wait(attempts)
	}
}

// call calls watch, whose panic is an error.
func (r *watching) call() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	target := r.target
	return r.watch(r.ctx, &target, r.update)
}

var errReturned = errors.New("the resolver's function returned without an error")

// failed reports err to grpc if there are no servers, and returns whether there was an update.
func (r *watching) failed(err error) (updated bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	updated, r.updated = r.updated, false
	if !r.known {
		r.cc.ReportError(cmp.Or(err, errReturned))
	}
	return updated
}

// update passes servers to grpc.
func (r *watching) update(servers []resolver.Endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	servers = distinct(servers)
	r.known, r.updated = len(servers) > 0, true
	_ = r.cc.UpdateState(resolver.State{Endpoints: servers}) // the next update will differ
}

// distinct returns the servers without those that have no address or the addresses of another.
func distinct(servers []resolver.Endpoint) []resolver.Endpoint {
	seen := make(map[string]bool, len(servers))
	result := make([]resolver.Endpoint, 0, len(servers))
	for _, e := range servers {
		addresses := make([]string, len(e.Addresses))
		for i, a := range e.Addresses {
			addresses[i] = a.Addr
		}
		slices.Sort(addresses)
		key := strings.Join(addresses, "\n")
		if len(addresses) == 0 || seen[key] {
			continue
		}
		seen[key] = true
		result = append(result, e)
	}
	return result
}

// Waits between calls of a [WatchFunc]. Whatever asks for the next one, minRewatch passes.
const (
	maxRewatch = 30 * time.Second
	minRewatch = time.Second
)

// wait waits before the next call of watch. grpc asks for it when a connection fails.
func (r *watching) wait(attempts int) {
	wait := Backoff{Max: maxRewatch}.wait(attempts)
	if sleep(r.ctx, min(wait, minRewatch)) != nil || wait <= minRewatch {
		return
	}
	timer := time.NewTimer(wait - minRewatch)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.again:
	case <-r.ctx.Done():
	}
}
