package page

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// largest is the maximum page size in a handwritten policy: twice that plus one fits into an int32.
const largest = 1 << 29

// serving is one call of [Method.Serve].
type serving struct {
	*shape
	ctx     context.Context
	method  string
	limits  runtime.Page
	options options
	binding seal.Binding
}

func newServing(ctx context.Context, shape *shape, info runtime.MethodInfo, opts []Option) *serving {
	s := &serving{shape: shape, ctx: ctx, method: info.FullMethod, limits: limitsIn(info.PolicyIn(ctx).Page)}
	s.options.maxBytes = DefaultMaxBytes
	for _, opt := range opts {
		opt(&s.options)
	}
	return s
}

// limitsIn returns limits with the defaults for unset values.
func limitsIn(limits runtime.Page) runtime.Page {
	limits.MaxSize = min(cmp.Or(max(limits.MaxSize, 0), policy.DefaultMaxPageSize), largest)
	limits.DefaultSize = cmp.Or(max(limits.DefaultSize, 0), policy.DefaultPageSize)
	limits.DefaultSize = min(limits.DefaultSize, limits.MaxSize)
	limits.TokenTTL = cmp.Or(limits.TokenTTL, policy.DefaultPageTokenTTL)
	return limits
}

// readQuery reads the query of a request.
func (s *serving) readQuery(req protoreflect.Message) (q query, err error) {
	q = query{size: s.limits.DefaultSize, most: s.limits.MaxSize, counted: s.counted(), codecs: &s.codecs}
	if len(s.size) > 0 {
		switch size := s.size.Integer(req); {
		case size < 0:
			return q, invalidField(ReasonSizeInvalid, s.names.Size, "must not be negative; omit it to use the default")
		case size > 0:
			q.size = int(min(size, int64(s.limits.MaxSize)))
		}
	}
	if len(s.skip) > 0 {
		if q.skip = s.skip.Integer(req); q.skip < 0 {
			return q, invalidField(ReasonSkipInvalid, s.names.Skip, "must not be negative")
		}
	}
	if !q.counted {
		q.at, err = s.readToken(req)
	}
	return q, err
}

// readToken returns the position of a request's token, or nil if it has none.
func (s *serving) readToken(req protoreflect.Message) (position, error) {
	sum, err := s.digester.Of(s.ctx, req.Interface())
	if err != nil {
		return nil, err
	}
	s.binding = bind(sum, s.options.bound(s.ctx))
	token := s.token.Text(req)
	if token == "" {
		return nil, nil
	}
	at, err := callctx.TokenRing(s.ctx).Open(s.method, s.binding, token)
	if err != nil {
		return nil, s.rejectToken(err)
	}
	return at, nil
}

// rejectToken returns the caller's error for a token, and counts it for the metrics of the server.
func (s *serving) rejectToken(cause error) error {
	err := invalidToken(s.names.Token, cause)
	if call, ok := callctx.Of(s.ctx); ok {
		call.TokenRejected(rpcerr.ReasonOf(err).Name())
	}
	return err
}

// fault returns the caller's error for an error of a source.
func (s *serving) fault(err error) error {
	if errors.Is(err, errPosition) {
		return s.rejectToken(err)
	}
	if errors.Is(err, errTooFar) {
		return invalidField(ReasonSkipInvalid, s.names.Skip, fmt.Sprintf("is too large; skip at most %d, and continue with page tokens", min(MaxSkip, maxSkipReads*s.limits.MaxSize))).
			WithCause(err)
	}
	return err
}

// close writes the token and the total into a response. A total below 0 is unknown.
func (s *serving) close(resp protoreflect.Message, next position, total int64) error {
	if next != nil && !s.counted() {
		var expires time.Time
		if s.limits.TokenTTL > 0 {
			expires = time.Now().Add(s.limits.TokenTTL)
		}
		s.nextToken.SetText(resp, callctx.TokenRing(s.ctx).Seal(s.method, s.binding, expires, next))
	}
	if len(s.total) == 0 {
		return nil
	}
	if count := s.options.total; count != nil {
		var err error
		if total, err = count(s.ctx); err != nil {
			return err
		}
		if total < 0 {
			return misuse("%s: the total is %d; it must not be negative", s.method, total)
		}
	}
	if total >= 0 {
		s.total.SetAtMost(resp, total)
	}
	return nil
}

// bind adds texts to the digest of a request.
func bind(sum seal.Binding, texts []string) seal.Binding {
	if len(texts) == 0 {
		return sum
	}
	all := slices.Clone(sum[:])
	for _, text := range texts {
		all = binary.AppendUvarint(all, uint64(len(text)))
		all = append(all, text...)
	}
	return sha256.Sum256(all)
}
