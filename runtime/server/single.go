package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/resource"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// single is the method that a batch calls for each item, in effect; see [callctx.Single].
type single struct {
	method *method
	caller *callContext
}

// Single implements [callctx.Call].
func (c *callContext) Single(many, name string) (callctx.Single, error) {
	info := &c.call.method.info
	if info.FullMethod != many {
		return callctx.Unrestricted{}, nil
	}
	m := c.call.method.lookup("/" + info.Service + "/" + name)
	if m == nil {
		return nil, rpcerr.Internal(fmt.Sprintf(
			"%s: the service has no method %s, which must do it for one item; generate the code again", many, name))
	}
	return single{method: m, caller: c}, nil
}

// Authorize implements [callctx.Single].
func (s single) Authorize() error { return s.method.authorize(s.caller.call.principal) }

// Check implements [callctx.Single].
func (s single) Check(ctx context.Context, req proto.Message) error {
	of := s.method.info.Descriptor
	if of != nil && of.Input().FullName() != req.ProtoReflect().Descriptor().FullName() {
		return nil
	}
	covered := s.caller.call.method.bound.checks
	for i, own := range s.method.bound.checks {
		if own.first == nil || own.apart || covered[i].first != nil && !own.items {
			continue
		}
		if err := own.first(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// Permit implements [callctx.Single].
func (s single) Permit(ctx context.Context, items callctx.Items) (int, error) {
	g := s.method.guard
	if g == nil || items.Len == 0 || s.caller.call.method.guards(items.Field) {
		return -1, nil
	}
	if g.policy.HideExistence {
		if items.ShowsMissing {
			return -1, rpcerr.Internal(fmt.Sprintf("the policy of %s hides which resources exist, and "+
				"a response of %s shows which do not; set batch.own_policy and a permission for the batch",
				g.method.log.name, s.caller.call.method.log.name))
		}
		s.caller.hidden.Store(true)
	}
	if err := g.usable(s.caller); err != nil {
		return -1, err
	}
	names, owner, at, err := g.namesOfItems(items)
	if err != nil {
		return at, err
	}
	allowed := make([]bool, len(names))
	access := Access{Principal: s.caller.call.principal, Permission: g.policy.Name, Resources: names}
	if err := g.method.decide(ctx, access, allowed); err != nil {
		return -1, err
	}
	if i := slices.Index(allowed, false); i >= 0 {
		return owner[i], g.denied
	}
	return -1, nil
}

// guards reports whether the policy of a method requires a permission on the items in a field.
func (m *method) guards(field string) bool {
	if m.guard == nil {
		return false
	}
	of := m.guard.policy.Resource
	return of == field || strings.HasPrefix(of, field+".")
}

// namesOfItems returns the resources of the items of a batch, and the index of the item that each
// belongs to. at is the index of an item with an error, or -1.
func (g *guard) namesOfItems(items callctx.Items) (names []string, owner []int, at int, err error) {
	if items.Request == nil && !g.isNamedBy(items.Field) {
		return nil, nil, -1, rpcerr.Internal(fmt.Sprintf("the policy of %s requires a permission on %s, "+
			"which the items in %s do not name; set a permission or batch.own_policy for the batch",
			g.method.log.name, g.policy.Resource, items.Field))
	}
	for i := range items.Len {
		of, err := g.namesOfItem(items, i)
		if err != nil {
			return nil, nil, i, err
		}
		for _, name := range of {
			names, owner = append(names, name), append(owner, i)
		}
	}
	return names, owner, -1, nil
}

// namesOfItem returns the resources of an item of a batch.
func (g *guard) namesOfItem(items callctx.Items, i int) ([]string, error) {
	if items.Request == nil {
		switch id := items.ID(i); {
		case id == "":
			return nil, g.invalid(resource.Fault{})
		case len(id) > resource.MaxBytes:
			return nil, g.invalid(resource.Fault{Kind: resource.TooLong})
		default:
			return []string{id}, nil
		}
	}
	req := items.Request(i)
	if g.path.Many() {
		return g.names(req)
	}
	name, err := g.name(req)
	return []string{name}, err
}

// isNamedBy reports whether the IDs in a field of a batch are the resources of the method for one
// item: whether "user_ids" has the values of its field "user_id".
func (g *guard) isNamedBy(field string) bool {
	last := field[strings.LastIndexByte(field, '.')+1:]
	return g.policy.Resource == last || g.policy.Resource+"s" == last
}
