package batch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
)

// Split calls s with as many requests as it takes for the children of req, of [MaxSize] at most or what the policy of the proto
// says, [Concurrency] at a time, and joins the responses: the results are those of the children of req, in their order. A request
// that is small enough is one call with req itself, and so is one without children. Ids that are there twice are sent once to a
// keyed batch that must be split.
//
// When a call fails, those for later children are cancelled or not made, and Split returns the error of the first children that
// failed: where it has the path of a child, that is the one in req. The other calls may have been served; a batch that fails as
// one is one only up to the size that the server takes.
//
// A request id becomes one for each call, made of it and of the place of the call's children: so a Split that is made again sends
// the same ids, as long as req and MaxSize are the same.
func (m *Method[S, Req, Resp, C, R]) Split(ctx context.Context, s S, req *Req, opts ...SplitOption) (*Resp, error) {
	p, err := m.plan()
	if err != nil {
		return nil, err
	}
	limits := withDefaults(m.info.Policy.Batch)
	cfg := splitting{maxSize: limits.MaxSize, concurrency: defaultConcurrency}
	for _, opt := range opts {
		opt.split(&cfg)
	}
	children := m.children(req)
	if len(children) <= cfg.maxSize {
		resp, _, err := m.ask(ctx, s, req, children)
		return resp, err
	}
	o := &outcomes[C, R]{distinct: children}
	if p.shape.mode() == foundByKey {
		o.distinct, o.of = distinct(children)
	}
	return m.split(ctx, s, req, o, cfg)
}

// split makes more than one call.
func (m *Method[S, Req, Resp, C, R]) split(ctx context.Context, s S, req *Req, o *outcomes[C, R], cfg splitting) (*Resp, error) {
	p, err := m.plan()
	if err != nil {
		return nil, err
	}
	size, children := cfg.maxSize, o.distinct
	responses := make([]*Resp, (len(children)+size-1)/size)
	i, err := fanOut(ctx, len(responses), cfg.concurrency, func(ctx context.Context, i int) (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = runtime.Recovered(ctx, value)
			}
		}()
		if err := ctx.Err(); err != nil {
			return err
		}
		some := children[i*size : min((i+1)*size, len(children))]
		part := p.part(messageOf(req), some)
		p.setRequestID(part, i*size)
		responses[i], _, err = m.ask(ctx, s, any(part.Interface()).(*Req), some)
		return err
	})
	if err != nil {
		return nil, p.partError(err, func(child int) int { return o.first(i*size + child) })
	}
	return p.join(responses), nil
}

// setRequestID gives the part that starts at a child an id of its own, if the whole request has one.
func (p *plan[Resp, C, R]) setRequestID(part protoreflect.Message, start int) {
	if p.requestID == nil {
		return
	}
	holder, fd := p.requestID.own(part), p.requestID.last()
	if holder == nil || holder.Get(fd).String() == "" {
		return
	}
	holder.Set(fd, protoreflect.ValueOfString(derivedID(uuid.Canonical(holder.Get(fd).String()), start)))
}

// derivedID makes a request id for a part of what has another: a UUID in the form of version 4.
func derivedID(id string, start int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", id, start))
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// partError returns the error of a call, with its children's indexes made those of the whole request.
func (p *plan[Resp, C, R]) partError(err error, whole func(child int) int) error {
	st := runtime.PublicStatus(err).Proto()
	first := p.at(whole(0))
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
	return &childError{st: status.FromProto(st), at: "the children from " + first, cause: err}
}
