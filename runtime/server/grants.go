package server

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
)

const (
	// grantLifetime is how long a stream does not ask again about a resource that its caller has
	// the permission on.
	grantLifetime = 10 * time.Second
	// maxGrants is the maximum number of resources that a stream remembers.
	maxGrants = 64
)

// next checks a request of a stream of requests.
func (g *guard) next(ctx context.Context, c *callContext, req proto.Message) error {
	if err := g.usable(c); err != nil {
		return err
	}
	stream, ok := c.stream.(*serverStream)
	if !ok { // an item that is checked outside its stream
		return g.check(ctx, c, req)
	}
	known := stream.grants.Load()
	if known == nil {
		stream.grants.CompareAndSwap(nil, new(grants))
		known = stream.grants.Load()
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	names, err := g.namesOfNext(known, req)
	if err != nil {
		return err
	}
	unknown := known.without(names, time.Now())
	if len(unknown) == 0 {
		return nil
	}
	if err := g.askAbout(ctx, c, req, names, unknown); err != nil {
		return err
	}
	known.add(unknown, time.Now())
	return nil
}

// namesOfNext returns the resources of a request: those that it names, or those of the request
// before it, if the policy allows that.
func (g *guard) namesOfNext(known *grants, req proto.Message) ([]string, error) {
	path, err := g.pathIn(req)
	if err != nil {
		return nil, err
	}
	m := req.ProtoReflect()
	if g.policy.Inherit && len(known.current) > 0 && !path.Names(m) {
		return known.current, nil
	}
	if path.Many() {
		names, err := g.names(req)
		known.current = nil
		if len(names) <= maxGrants {
			known.current = names
		}
		return names, err
	}
	name := path.One(m)
	if err := g.checkName(name); err != nil {
		return nil, err
	}
	if len(known.current) != 1 || known.current[0] != name {
		known.current = []string{name}
	}
	return known.current, nil
}

// askAbout asks for some of the resources of a request, which names all of names unless it
// inherits them.
func (g *guard) askAbout(
	ctx context.Context, c *callContext, req proto.Message, names, unknown []string,
) error {
	allowed := make([]bool, len(unknown))
	access := Access{Principal: c.call.principal, Permission: g.policy.Name, Resources: unknown}
	if err := c.call.method.decide(ctx, access, allowed); err != nil {
		return err
	}
	for i, ok := range allowed {
		if !ok {
			return g.denialAt(req, slices.Index(names, unknown[i]))
		}
	}
	return nil
}

// without returns the names that are not known.
func (k *grants) without(names []string, now time.Time) (unknown []string) {
	for _, name := range names {
		if !now.Before(k.until[name]) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// add remembers names. It forgets all others if there are too many.
func (k *grants) add(names []string, now time.Time) {
	if len(k.until)+len(names) > maxGrants {
		k.until = nil
	}
	if k.until == nil {
		k.until = make(map[string]time.Time)
	}
	for _, name := range names[:min(len(names), maxGrants)] {
		k.until[name] = now.Add(grantLifetime)
	}
}
