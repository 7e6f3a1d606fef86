package batch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Split calls s with as many requests as the items of req need and joins the responses: the
// results are in the order of the items of req. Requests have at most [WithMaxSize] items, or the
// maximum of the proto's policy, and [WithMaxBytes] bytes; [WithConcurrency] of them run at a
// time. A request that is small enough is one call with req itself, and so is one without items.
// In a keyed batch that must be split, IDs that occur twice are sent once.
//
// If a call fails, those for later items are cancelled or not started, and Split returns the
// error of the first items that failed. If the error has the path of an item, Split changes it to
// the path in req. The other calls may have been served: a batch that fails as a whole does so
// only up to the size that the server accepts. If the method has no side effects and a response
// is too large to be sent, the call is repeated for each half of its items.
//
// Each call has its own idempotency key, derived from that of req and from the position of the
// call's items. A Split that is repeated sends the same keys as long as req and the options are
// the same.
func (m *Method[S, Req, Resp, C, R]) Split(ctx context.Context, s S, req *Req, opts ...Option) (*Resp, error) {
	p, err := m.plan()
	if err != nil {
		return nil, err
	}
	cfg := m.calling().apply(opts)
	children := m.children(req)
	if len(children) <= cfg.maxSize && (len(children) <= 1 || sizeOf(req) <= cfg.maxBytes) {
		resp, _, err := m.ask(ctx, s, req, children)
		if !m.halves(err, len(children)) {
			return resp, err
		}
		cfg.maxSize = (len(children) + 1) / 2
	}
	o := &outcomes[C, R]{distinct: children}
	if p.shape.mode() == foundByKey {
		o.distinct, o.of = distinct(children)
	}
	return m.split(ctx, s, req, o, cfg)
}

// calling returns the default options of calls.
func (m *Method[S, Req, Resp, C, R]) calling() options {
	return options{
		maxSize: withDefaults(m.info.Policy.Batch).MaxSize, maxBytes: DefaultMaxBytes,
		concurrency: policy.DefaultBatchConcurrency, window: defaultWindow,
	}
}

// span is a range of consecutive items of a request, from start to end.
type span struct{ start, end int }

// spans divides items into calls, each with at least one item and otherwise within the limits on
// items and bytes.
func (p *plan[Resp, C, R]) spans(req protoreflect.Message, children []C, cfg options) (all []span) {
	room := cfg.maxBytes - proto.Size(p.part(req, nil).Interface()) - lengthGrowth
	at, bytes := span{}, 0
	for i, child := range children {
		size := p.child.size(child)
		if n := i - at.start; n > 0 && (n == cfg.maxSize || bytes+size > room) {
			all = append(all, at)
			at, bytes = span{start: i}, 0
		}
		at.end, bytes = i+1, bytes+size
	}
	return append(all, at)
}

// lengthGrowth is an upper bound for the growth, in bytes, of the length prefixes around the
// items and of an idempotency key.
const lengthGrowth = 64

// split makes more than one call.
func (m *Method[S, Req, Resp, C, R]) split(ctx context.Context, s S, req *Req, o *outcomes[C, R], cfg options) (*Resp, error) {
	p, err := m.plan()
	if err != nil {
		return nil, err
	}
	spans := p.spans(messageOf(req), o.distinct, cfg)
	responses := make([]*Resp, len(spans))
	i, err := fanOut(ctx, len(spans), cfg.concurrency, func(ctx context.Context, i int) (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = runtime.Recovered(ctx, value)
			}
		}()
		part := p.part(messageOf(req), nil)
		p.setIdempotencyKey(part, spans[i].start)
		responses[i], err = m.askFor(ctx, s, part, o.distinct[spans[i].start:spans[i].end])
		return err
	})
	if err != nil {
		return nil, p.partError(err, func(child int) int { return o.first(spans[i].start + child) })
	}
	return p.join(responses), nil
}

// askFor makes a call for some items with the other fields of a request, or a call for each half
// of them if the response is too large to be sent.
func (m *Method[S, Req, Resp, C, R]) askFor(ctx context.Context, s S, req protoreflect.Message, children []C) (*Resp, error) {
	p, err := m.plan()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	resp, _, err := m.ask(ctx, s, any(p.part(req, children).Interface()).(*Req), children)
	if !m.halves(err, len(children)) {
		return resp, err
	}
	half := len(children) / 2
	first, err := m.askFor(ctx, s, req, children[:half])
	if err != nil {
		return nil, err
	}
	second, err := m.askFor(ctx, s, req, children[half:])
	if err != nil {
		return nil, p.partError(err, func(child int) int { return half + child })
	}
	return p.join([]*Resp{first, second}), nil
}

// setIdempotencyKey sets a separate idempotency key for the part that starts at an item, if the
// whole request has one.
func (p *plan[Resp, C, R]) setIdempotencyKey(part protoreflect.Message, start int) {
	if p.idempotencyKey == nil {
		return
	}
	holder, fd := p.idempotencyKey.own(part), p.idempotencyKey.last()
	if holder == nil || holder.Get(fd).String() == "" {
		return
	}
	holder.Set(fd, protoreflect.ValueOfString(derivedID(uuid.Canonical(holder.Get(fd).String()), start)))
}

// derivedID derives the idempotency key of a part: a UUID in the form of version 4.
func derivedID(id string, start int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", id, start))
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// partError returns the error of a call with its items' indexes changed to those of the whole
// request.
func (p *plan[Resp, C, R]) partError(err error, whole func(child int) int) error {
	at := "items starting at " + p.at(whole(0))
	return &partError{
		itemError: itemError{st: p.ofWhole(statusOf(err), whole), at: at, cause: err},
		public:    p.ofWhole(rpcerr.PublicStatus(err), whole),
	}
}

// partError is the error of one of the calls that a batch was split into. The program that splits
// the batch sees the whole status of the call; if the error passes through a server, its caller
// receives the public part.
type partError struct {
	itemError
	public *status.Status
}

// PublicStatus returns what the caller of a server receives; see [rpcerr.PublicStatus].
func (e *partError) PublicStatus() *status.Status { return e.public }

// statusOf returns the unchanged status of a call's error.
func statusOf(err error) *status.Status {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		if st := carrier.GRPCStatus(); st.Code() != codes.OK {
			return st
		}
	}
	return rpcerr.PublicStatus(err)
}

// ofWhole returns a status with its items' indexes changed to those of the whole request.
func (p *plan[Resp, C, R]) ofWhole(from *status.Status, whole func(child int) int) *status.Status {
	st := from.Proto()
	if i, rest, ok := indexIn(st.Message, p.name); ok {
		st.Message = p.at(whole(i)) + rest
	}
	rewrite(st, func(info *errdetails.ErrorInfo) {
		if i, err := strconv.Atoi(info.Metadata[indexKey]); err == nil {
			setIndex(info, whole(i))
		}
	}, func(field string) string {
		if i, rest, ok := indexIn(field, p.name); ok {
			return p.at(whole(i)) + rest
		}
		return field
	})
	return status.FromProto(st)
}
