package handshake

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Option configures one call of [Method.Serve].
type Option func(*options)

type options struct{ timeout time.Duration }

// WithTimeout sets how long the server waits for the first request, instead of what the policy
// states; 0 means that it waits for as long as the call may take.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Serve receives the first request and calls converse with its configuration, the requests that
// follow, and a function that sends responses and may be called concurrently. The stream ends with
// the error that converse returns. converse runs in a separate goroutine, which returns before
// the stream ends; it may read requests in one loop, and send from others that it joins.
//
//   - A first request without the configuration, or none, is INVALID_ARGUMENT, reason
//     HANDSHAKE_MISSING.
//   - A later request with a configuration is INVALID_ARGUMENT, reason HANDSHAKE_REPEATED.
//   - If the first request does not arrive in time, the error is DEADLINE_EXCEEDED, reason
//     HANDSHAKE_TIMEOUT.
//   - While the server drains, a request that does not arrive within a second is
//     [runtime.ErrDraining]. A converse that does not wait for requests must watch
//     [runtime.Draining] itself.
//
// reqs can be ranged over several times; each loop continues where the last one stopped. If reqs
// has yielded an error, the stream ends with it even if converse returns nil.
func (m *Method[S, Req, Resp, H]) Serve(ctx context.Context, reqs runtime.Stream[Req], converse func(ctx context.Context, config H, reqs runtime.Stream[Req], send func(*Resp) error) error, opts ...Option) runtime.Stream[Resp] {
	f, err := m.facts()
	if err != nil {
		return runtime.Fail[Resp](err)
	}
	if converse == nil {
		return runtime.Fail[Resp](misuse("%s: Serve with a nil function", m.info.FullMethod))
	}
	return stream.Duplex(ctx, func(ctx context.Context, send func(*Resp) error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		in := stream.NewReceiver(ctx, reqs)
		defer in.Close()
		first, err := firstOf(ctx, cancel, f, in, m.timeout(ctx, opts))
		if err != nil {
			return err
		}
		rest := &requests[Req, H]{facts: f, in: in}
		err = converse(ctx, m.arm(first), rest.each, send)
		if err == nil && rest.err != io.EOF {
			err = rest.err
		}
		return err
	})
}

// errTimeout is why a context ends if the first request does not arrive in time.
var errTimeout = errors.New("no handshake")

// firstOf receives the first request, for which it cancels ctx after timeout if that is above 0.
func firstOf[Req, H any](ctx context.Context, cancel context.CancelCauseFunc, f *facts[H], in *stream.Receiver[Req], timeout time.Duration) (*Req, error) {
	inTime := func() bool { return true }
	if timeout > 0 {
		inTime = time.AfterFunc(timeout, func() { cancel(errTimeout) }).Stop
	}
	first, err := in.Receive()
	switch {
	case !inTime() && context.Cause(ctx) == errTimeout:
		return nil, tooLate(f.name, timeout)
	case err == io.EOF:
		return nil, reject(ReasonMissing, f.name, "must be sent in the first request")
	case err == nil && !f.in(reflectOf(first)):
		return nil, reject(ReasonMissing, f.name, "must be set in the first request")
	}
	return first, err
}

// timeout returns how long to wait for the first request; 0 is no limit.
func (m *Method[S, Req, Resp, H]) timeout(ctx context.Context, opts []Option) time.Duration {
	o := options{timeout: m.info.PolicyIn(ctx).Handshake.Timeout}
	if o.timeout == 0 {
		o.timeout = policy.DefaultHandshakeTimeout
	}
	for _, opt := range opts {
		opt(&o)
	}
	return max(o.timeout, 0)
}

// requests are those after the first.
type requests[Req, H any] struct {
	*facts[H]
	in  *stream.Receiver[Req]
	err error // of the last range; io.EOF after the last request
}

func (r *requests[Req, H]) each(yield func(*Req, error) bool) {
	for {
		req, err := r.next()
		if err == io.EOF {
			return
		}
		if !yield(req, err) || err != nil {
			return
		}
	}
}

func (r *requests[Req, H]) next() (*Req, error) {
	if r.err != nil {
		return nil, r.err
	}
	req, err := r.in.Receive()
	if err == nil && r.facts.in(reflectOf(req)) {
		err = reject(ReasonRepeated, r.name, "must be set in the first request only")
	}
	if r.err = err; err != nil {
		return nil, err
	}
	return req, nil
}
