package endpointslice

import (
	"context"
	"errors"
	"net/url"
	"sync"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// NewResolver returns a resolver for client.WithResolvers. One is enough for all connections of a
// process. Without options it is for processes in a pod.
//
// Certificates of the service must have the name "service.namespace.svc"; client.WithServerName
// sets another one. A mistake in an option or in a target makes calls fail with UNAVAILABLE and its
// text.
func NewResolver(opts ...Option) resolver.Builder {
	r := &watchers{settings: newSettings(opts), byConn: map[context.Context]*watcher{}}
	return client.NewResolver(Scheme, r.watch)
}

// watchers are the watchers of the connections that are not idle. Each has a context, which all its
// calls of watch have.
type watchers struct {
	settings *settings

	mu     sync.Mutex
	byConn map[context.Context]*watcher
}

// watch is a [client.WatchFunc].
func (r *watchers) watch(
	ctx context.Context, to *url.URL, update func([]resolver.Endpoint),
) error {
	w, err := r.of(ctx, to)
	if err != nil {
		return err
	}
	return w.watch(ctx, update)
}

// of returns the watcher of a connection.
func (r *watchers) of(ctx context.Context, to *url.URL) (*watcher, error) {
	service, err := parseTarget(to)
	if err := errors.Join(err, r.settings.err); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.byConn[ctx]
	if w == nil {
		w = newWatcher(r.settings, service)
		r.byConn[ctx] = w
		context.AfterFunc(ctx, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.byConn, ctx)
		})
	}
	return w, nil
}
