package batch

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// request is a request that is being served.
type request[Resp any, C comparable, R any] struct {
	options
	plan     *plan[Resp, C, R]
	limits   runtime.Batch
	outcomes *outcomes[C, R]
}

func (m *Method[S, Req, Resp, C, R]) accept(ctx context.Context, req *Req, opts []Option) (*request[Resp, C, R], error) {
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
	if err := p.permit(ctx, single, children); err != nil {
		return nil, err
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

// hoist returns the items with the hoisted values of the request, and an error that names the
// items with different values. It does not modify the request or its items.
func (p *plan[Resp, C, R]) hoist(req protoreflect.Message, children []C) ([]C, error) {
	var wrong []rpcerr.FieldViolation
	own := false // children is a copy already
	for _, h := range p.hoisted {
		if !req.Has(h.from) {
			continue
		}
		value := req.Get(h.from)
		for i, child := range children {
			fits, lacks := h.compare(value, child)
			if !fits {
				wrong = append(wrong, p.mismatch(h, i))
			}
			if lacks {
				if !own {
					children, own = append([]C(nil), children...), true
				}
				children[i] = with(child, h.to, value)
			}
		}
	}
	return children, mismatches(wrong)
}

// mismatches returns the error for items that contradict the request, or nil.
func mismatches(wrong []rpcerr.FieldViolation) error {
	if len(wrong) == 0 {
		return nil
	}
	return ReasonFieldMismatch.
		Errorf(codes.InvalidArgument, "%s: %s%s", wrong[0].Field, wrong[0].Description, andMore(len(wrong)-1)).
		WithViolations(wrong...)
}

// with returns a copy of child with the value.
func with[C any](child C, fd protoreflect.FieldDescriptor, value protoreflect.Value) C {
	c := shallow(any(child).(proto.Message).ProtoReflect(), nil)
	c.Set(fd, value)
	return c.Interface().(C)
}

func (p *plan[Resp, C, R]) mismatch(h hoisted, i int) rpcerr.FieldViolation {
	if h.to == nil {
		return rpcerr.Violation(p.at(i), "must be in the %s of the request", h.from.Name())
	}
	return rpcerr.Violation(p.at(i)+"."+string(h.to.Name()), "must be empty or the same as the %s of the request", h.from.Name())
}

// withDefaults returns limits with the defaults for unset values.
func withDefaults(limits runtime.Batch) runtime.Batch {
	if limits.MaxSize <= 0 {
		limits.MaxSize = policy.DefaultMaxBatchSize
	}
	if limits.Concurrency <= 0 {
		limits.Concurrency = policy.DefaultBatchConcurrency
	}
	return limits
}

// checkSize returns the error for a request with n items in the field called name, or nil.
func checkSize(name string, n int, limits runtime.Batch) error {
	switch {
	case n == 0 && !limits.AllowEmpty:
		return ReasonEmpty.Errorf(codes.InvalidArgument, "%s is empty; send 1 to %d", name, limits.MaxSize).
			WithMetadata("maxSize", strconv.Itoa(limits.MaxSize)).
			WithViolations(rpcerr.Violation(name, "must not be empty"))
	case n > limits.MaxSize:
		return ReasonTooLarge.Errorf(codes.InvalidArgument, "%s has %d elements; send at most %d", name, n, limits.MaxSize).
			WithMetadata("maxSize", strconv.Itoa(limits.MaxSize)).
			WithMetadata("size", strconv.Itoa(n)).
			WithViolations(rpcerr.Violation(name, "must have at most %d elements, has %d", limits.MaxSize, n))
	}
	return nil
}

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

// permit returns the error of the first item that the caller lacks the permission of the single
// method for.
func (p *plan[Resp, C, R]) permit(ctx context.Context, single callctx.Single, children []C) error {
	if single == (callctx.Unrestricted{}) {
		return nil
	}
	items := callctx.Items{Field: p.name, Len: len(children), ShowsMissing: p.shape.mode() != allOrNone}
	if p.requests {
		items.Request = func(i int) proto.Message { return any(children[i]).(proto.Message) }
	} else {
		items.ID = func(i int) string { return idOf(children[i]) }
	}
	i, err := single.Permit(ctx, items)
	if err != nil && i >= 0 {
		return p.itemError(i, err)
	}
	return err
}

// idOf returns an ID as the name of a resource: "" for zero.
func idOf[C comparable](id C) string {
	if id == *new(C) {
		return ""
	}
	return fmt.Sprint(id)
}

// check returns the error of the first item that the single method would reject.
func (p *plan[Resp, C, R]) check(ctx context.Context, single callctx.Single, children []C) error {
	if !p.requests || single == (callctx.Unrestricted{}) {
		return nil
	}
	for i, child := range children {
		if err := single.Check(ctx, any(child).(proto.Message)); err != nil {
			return p.itemError(i, err)
		}
	}
	return nil
}

// report logs internal failures, which the statuses of items do not show: their number and the
// first error.
func (r *request[Resp, C, R]) report(ctx context.Context) {
	if r.plan.shape.mode() != eachAlone {
		return
	}
	failed, first := 0, 0
	for i, err := range r.outcomes.errs {
		if err != nil && isInternal(err) {
			if failed == 0 {
				first = i
			}
			failed++
		}
	}
	if failed > 0 {
		loggerOf(ctx).LogAttrs(ctx, slog.LevelError, "items of a batch failed", slog.Int("items", failed),
			slog.String("first", r.plan.at(r.outcomes.first(first))), slog.Any("error", r.outcomes.errs[first]))
	}
}

// isInternal reports whether an error's text is only for the log.
func isInternal(err error) bool {
	switch rpcerr.PublicStatus(err).Code() {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return true
	}
	return false
}

func loggerOf(ctx context.Context) *slog.Logger {
	if call, ok := runtime.CallFromContext(ctx); ok {
		return call.Logger()
	}
	return slog.Default()
}
