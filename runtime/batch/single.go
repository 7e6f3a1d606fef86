package batch

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// singleIn returns the method that does for one item what the batch does for many, in the call of
// ctx, after checking that the caller may call it.
func (m *Method[S, Req, Resp, C, R]) singleIn(ctx context.Context, limits runtime.Batch) (callctx.Single, error) {
	if limits.OwnPolicy {
		return callctx.Unrestricted{}, nil
	}
	single, err := callctx.SingleIn(ctx, m.info.FullMethod, m.single)
	if err != nil {
		return callctx.Unrestricted{}, err
	}
	return single, single.Authorize()
}

// check returns the error of the first item that the single method would reject.
func (p *plan[Resp, C, R]) check(ctx context.Context, single callctx.Single, children []C) error {
	if !p.requests || single == (callctx.Unrestricted{}) {
		return nil
	}
	for i, child := range children {
		if err := single.Check(ctx, any(child).(proto.Message)); err != nil {
			return p.childError(i, err)
		}
	}
	return nil
}
