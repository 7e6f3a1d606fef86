package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Times of resolvers.
const (
	maxRewatch = 30 * time.Second // the longest wait between calls of a WatchFunc
	minRewatch = time.Second      // the shortest if grpc asks for the next, or watch only lists
	maxSilence = 10 * time.Second // until calls fail if there was neither a server nor an error
)

// watching is the resolver of a connection that is not idle.
type watching struct {
	watchBuilder
	target url.URL
	cc     resolver.ClientConn

	ctx     context.Context
	cancel  context.CancelFunc
	again   chan struct{} // asks for the next call of watch
	overdue *time.Timer

	mu       sync.Mutex
	calls    int                 // of watch
	updated  bool                // by the latest one
	reported bool                // whether grpc knows servers or an error
	known    bool                // whether grpc knows servers
	servers  []resolver.Endpoint // which, unless its balancer rejected them
	logged   string              // the error that was logged last, unless there was an update since
}

// ResolveNow implements [resolver.Resolver].
func (w *watching) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case w.again <- struct{}{}:
	default:
	}
}

// Close implements [resolver.Resolver]. It does not wait for a function that ignores its context.
func (w *watching) Close() {
	w.cancel()
	w.overdue.Stop()
}

// run calls watch until the resolver is closed.
func (w *watching) run() {
	for attempts := 1; ; attempts++ {
		start := time.Now()
		err := w.call()
		if w.ctx.Err() != nil {
			return
		}
		least := time.Duration(0)
		if w.returned(err) {
			attempts, least = 1, minRewatch-time.Since(start)
		}
		w.wait(max(least, Backoff{Max: w.longest}.wait(attempts)))
	}
}

// call calls watch in a goroutine of its own, which it may end.
func (w *watching) call() error {
	w.mu.Lock()
	w.calls++
	call := w.calls
	w.updated = false
	w.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		err := errors.New("the resolver's function ended its goroutine")
		defer func() {
			if p := recover(); p != nil {
				report.Panic(w.ctx, slog.Default(), p, slog.String("target", w.target.String()))
				err = fmt.Errorf("panic: %v", p)
			}
			ended <- err
		}()
		target := w.target
		err = w.watch(w.ctx, &target, func(servers []resolver.Endpoint) { w.update(call, servers) })
	}()
	select {
	case err := <-ended:
		return err
	case <-w.ctx.Done():
		return nil
	}
}

// returned handles the end of a call of watch, and reports whether there was an update.
func (w *watching) returned(err error) (updated bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++ // later updates of the call have no effect
	if err != nil {
		w.log(err)
	}
	if err == nil && !w.updated {
		err = errors.New("the resolver's function returned without reporting servers")
	}
	if err != nil && !w.known {
		w.fail(err)
	}
	return w.updated
}

// log logs an error, unless it is the one that was logged last.
func (w *watching) log(err error) {
	if err.Error() == w.logged {
		return
	}
	w.logged = err.Error()
	report.Log(func() {
		slog.WarnContext(w.ctx, "cannot resolve a target; the servers known before remain in use",
			"target", w.target.String(), "error", err, "servers", len(w.last.get()))
	})
}

// silent is called when watch has had the time to report something.
func (w *watching) silent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.reported {
		w.fail(fmt.Errorf("no servers were reported within %v", maxSilence))
	}
}

// fail makes grpc use the last servers of the connection or, if there are none, fail calls with the
// error.
func (w *watching) fail(err error) {
	if w.ctx.Err() != nil {
		return
	}
	if last := w.last.get(); len(last) > 0 {
		w.pass(last)
		return
	}
	w.reported = true
	// The error has no status for grpc to find: it would end calls with it, also those that wait.
	w.cc.ReportError(fmt.Errorf("cannot resolve %q: %v", w.target.String(), err))
}

// update handles a report of a call of watch.
func (w *watching) update(call int, servers []resolver.Endpoint) {
	servers = distinct(servers)
	if w.named {
		withoutNames(servers)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if call != w.calls || w.ctx.Err() != nil {
		return
	}
	w.updated = true
	if w.logged != "" {
		w.logged = ""
		report.Log(func() {
			slog.InfoContext(w.ctx, "a target is resolved again",
				"target", w.target.String(), "servers", len(servers))
		})
	}
	w.last.set(servers)
	if len(servers) == 0 {
		w.drop()
		return
	}
	if !slices.EqualFunc(servers, w.servers, sameServer) {
		w.pass(servers)
	}
}

// pass passes servers to grpc.
func (w *watching) pass(servers []resolver.Endpoint) {
	state := resolver.State{Endpoints: servers}
	for _, server := range servers { // for balancers that do not know endpoints
		state.Addresses = append(state.Addresses, server.Addresses...)
	}
	w.reported, w.known, w.servers = true, true, nil
	if err := w.cc.UpdateState(state); err == nil {
		w.servers = servers
	}
}

// drop makes grpc use no server any more. Most balancers lose the reason if there is no endpoint:
// they ask the balancer of each endpoint for it. So there is one, without an address.
func (w *watching) drop() {
	if w.known || !w.reported {
		w.known, w.servers = false, nil
		_ = w.cc.UpdateState(resolver.State{Endpoints: []resolver.Endpoint{{}}})
	}
	w.fail(errors.New("it has no servers"))
}

// wait waits before the next call of watch. grpc asks for it when a connection fails.
func (w *watching) wait(wait time.Duration) {
	if sleep(w.ctx, min(wait, minRewatch)) != nil || wait <= minRewatch {
		return
	}
	timer := time.NewTimer(wait - minRewatch)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.again:
	case <-w.ctx.Done():
	}
}
