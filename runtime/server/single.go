package server

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
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
		if own.first == nil || covered[i].first != nil && !own.items {
			continue
		}
		if err := own.first(ctx, req); err != nil {
			return err
		}
	}
	return nil
}
