package batch

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime"
)

// request is a request that is being served.
type request[Resp any, C comparable, R any] struct {
	options
	plan     *plan[Resp, C, R]
	limits   runtime.Batch
	outcomes *outcomes[C, R]
}

func (m *Method[S, Req, Resp, C, R]) open(ctx context.Context, req *Req, opts []Option) (*request[Resp, C, R], error) {
	p, err := m.plan()
	if err != nil {
		return nil, err
	}
	r := &request[Resp, C, R]{plan: p, limits: withDefaults(m.info.PolicyIn(ctx).Batch)}
	r.maxBytes = DefaultMaxBytes
	for _, opt := range opts {
		opt(&r.options)
	}
	single, err := m.singleIn(ctx, r.limits)
	if err != nil {
		return nil, err
	}
	children := m.children(req)
	if err := checkSize(p.name, len(children), r.limits); err != nil {
		return nil, err
	}
	if len(p.hoisted) > 0 {
		if children, err = p.hoist(messageOf(req), children); err != nil {
			return nil, err
		}
	}
	if err := p.check(ctx, single, children); err != nil {
		return nil, err
	}
	r.outcomes = newOutcomes[C, R](children, p.requests, p.shape.mode())
	return r, nil
}

// respond returns the response with the outcomes, or an error if it cannot be sent.
func (r *request[Resp, C, R]) respond() (*Resp, error) {
	resp := r.plan.shape.response(r.outcomes)
	size := r.plan.shape.size(resp, r.outcomes)
	if size <= r.maxBytes || r.plan.shape.fit(resp, r.maxBytes) {
		return resp, nil
	}
	return nil, tooLarge(size, r.maxBytes)
}
