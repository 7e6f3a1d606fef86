// Package permission asks the server's authorizer in a method: about resources that no field of the
// request names, and about the items of a list.
//
// The functions ask for the caller of the call that a context belongs to. Nothing is allowed
// outside a call, on a server without an authorizer, and for a caller without a principal; on a
// server that admits all callers (server.WithoutAuthentication without an authorizer), everything
// is.
package permission

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Check returns an error if the caller lacks a permission on a resource: PERMISSION_DENIED, reason
// MISSING_PERMISSION. In a method whose policy hides which resources exist, the caller receives
// NOT_FOUND instead. An empty resource is an error.
//
//	order, err := s.store.Order(ctx, req.GetOrderId())
//	…
//	if err := permission.Check(ctx, "shops.sell", order.Shop); err != nil {
//		return nil, err
//	}
func Check(ctx context.Context, permission, resource string) error {
	allowed, err := Allowed(ctx, permission, []string{resource})
	if err != nil {
		return err
	}
	if !allowed[0] {
		return rpcerr.ReasonMissingPermission.
			Errorf(codes.PermissionDenied, "the caller lacks the permission %s", permission).
			WithMetadata("permission", permission)
	}
	return nil
}

// Allowed reports for each resource whether the caller has a permission on it. It asks the
// authorizer once for at most 1000 resources. An empty resource is not allowed.
func Allowed(ctx context.Context, permission string, resources []string) ([]bool, error) {
	c, ok := callctx.Of(ctx)
	if !ok {
		return nil, rpcerr.Internal(fmt.Sprintf(
			"the permission %s is asked for outside a call; pass the context of the call", permission))
	}
	if len(resources) == 0 {
		return nil, nil
	}
	return c.Allowed(ctx, permission, resources)
}

// Filter returns the items that the caller has a permission on, in their order. resource returns
// the name of an item's resource. The result is a new slice. For the pages of a list, use
// page.Filtered, which keeps their tokens right.
func Filter[T any](
	ctx context.Context, permission string, items []T, resource func(T) string,
) ([]T, error) {
	keep, err := Allowed(ctx, permission, namesOf(items, resource))
	if err != nil {
		return nil, err
	}
	kept := make([]T, 0, len(items))
	for i, item := range items {
		if keep[i] {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// Keep returns a function for page.Filtered: it reports for each item whether the caller has a
// permission on it.
func Keep[T any](
	permission string, resource func(T) string,
) func(ctx context.Context, items []T) ([]bool, error) {
	return func(ctx context.Context, items []T) ([]bool, error) {
		return Allowed(ctx, permission, namesOf(items, resource))
	}
}

func namesOf[T any](items []T, resource func(T) string) []string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = resource(item)
	}
	return names
}
