package batch

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// singleIn returns the method that does for one child what the batch does for many, in the call of
// ctx, once it is sure that the caller may call it.
func (m *Method[S, Req, Resp, C, R]) singleIn(ctx context.Context, limits runtime.Batch) (runtime.Single, error) {
	if limits.OwnPolicy {
		return runtime.Single{}, nil
	}
	single, err := runtime.SingleIn(ctx, m.info, m.single)
	if err != nil {
		return runtime.Single{}, err
	}
	return single, single.Authorize()
}

// check returns the error of the first child that the single method would not accept.
func (p *plan[Resp, C, R]) check(ctx context.Context, single runtime.Single, children []C) error {
	if !p.requests || single == (runtime.Single{}) {
		return nil
	}
	for i, child := range children {
		if err := single.Check(ctx, any(child).(proto.Message)); err != nil {
			return p.childError(i, err)
		}
	}
	return nil
}
