package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/resolver"
)

// WithResolvers adds resolvers for schemes of targets, for this connection only. See [NewResolver].
// The schemes that [Dial] knows itself cannot be replaced.
func WithResolvers(builders ...resolver.Builder) Option {
	return func(c *settings) {
		for _, b := range builders {
			if err := c.checkResolver(b); err != nil {
				c.fail("WithResolvers: %w", err)
				continue
			}
			c.resolvers = append(c.resolvers, b)
		}
	}
}

// builtInSchemes are the schemes of [Dial].
var builtInSchemes = []string{"dns", "passthrough", "unix", "unix-abstract", staticScheme, fileScheme}

// schemeSyntax is that of RFC 3986, in lower case.
var schemeSyntax = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

func (c *settings) checkResolver(b resolver.Builder) error {
	if b == nil {
		return errors.New("a resolver is nil; pass the result of NewResolver")
	}
	scheme := b.Scheme()
	sameScheme := func(other resolver.Builder) bool { return other.Scheme() == scheme }
	switch watch, ok := b.(watchBuilder); {
	case !schemeSyntax.MatchString(scheme):
		return fmt.Errorf("%q is not a scheme; write a letter and then letters, digits, "+
			"hyphens, periods or pluses, all in lower case", scheme)
	case slices.Contains(builtInSchemes, scheme):
		return fmt.Errorf("the scheme %q is built in; use another scheme", scheme)
	case slices.ContainsFunc(c.resolvers, sameScheme):
		return fmt.Errorf("the scheme %q has a resolver; use another scheme", scheme)
	case ok && watch.watch == nil:
		return fmt.Errorf("the resolver of %q has no function; pass one to NewResolver", scheme)
	}
	return nil
}

// WatchFunc finds the servers of a target, and calls update with all of them whenever they change.
// It runs until ctx ends, which is when the connection is closed or idle, and must then return.
//
// If it returns earlier, with an error or without, it is called again after a random wait. The
// longest wait is 100 ms, and doubles up to 30 seconds with each call in a row that does not call
// update. A failed connection ends a wait of more than a second. A function that lists the servers
// and returns is called once a second; to list them less often, wait for ctx in the function.
//
// The servers of the last update remain in use meanwhile, and slog's default logger has the error,
// once. While no server is known, calls fail with UNAVAILABLE and the error, or wait if they have
// [WaitForReady]. They also fail if the function has not called update for ten seconds.
//
// update has no effect after the function has returned or ctx has ended. It may be called
// concurrently.
type WatchFunc func(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error

// NewResolver returns a resolver for targets of a scheme, such as "registry:///books":
//
//	books := client.NewResolver("registry", func(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error {
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
// The function runs once for each connection that is not idle. Servers that it reports twice count
// once. A report without servers makes calls fail with UNAVAILABLE.
//
// Certificates must have the name that the target has after its slashes, "books" above. To use
// another one, pass [WithServerName], or set the ServerName of the addresses.
func NewResolver(scheme string, watch WatchFunc) resolver.Builder {
	return watchBuilder{scheme: strings.ToLower(scheme), watch: watch, longest: maxRewatch}
}

// watchBuilder is a [resolver.Builder] with a [WatchFunc].
type watchBuilder struct {
	scheme  string
	watch   WatchFunc
	longest time.Duration // between calls of watch
	named   bool          // whether the servers have the name of an option
	last    *lastServers  // of a connection; nil until it is known which
}

// forConn returns the builder for one connection, and whether its servers have the name of an
// option: grpc would prefer the names of addresses.
func (b watchBuilder) forConn(named bool) watchBuilder {
	b.named, b.last = named, new(lastServers)
	return b
}

// Scheme implements [resolver.Builder].
func (b watchBuilder) Scheme() string { return b.scheme }

// Build implements [resolver.Builder].
func (b watchBuilder) Build(
	target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions,
) (resolver.Resolver, error) {
	if b.watch == nil {
		return nil, fmt.Errorf("the resolver of %q has no function; pass one to NewResolver", b.scheme)
	}
	if b.last == nil {
		b.last = new(lastServers)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{
		watchBuilder: b, target: target.URL, cc: cc,
		ctx: ctx, cancel: cancel, again: make(chan struct{}, 1),
	}
	w.overdue = time.AfterFunc(maxSilence, w.silent)
	go w.run()
	return w, nil
}
