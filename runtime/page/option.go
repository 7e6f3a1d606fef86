package page

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// Option configures [Method.Serve].
type Option func(*options)

type options struct {
	maxBytes     int
	total        func(context.Context) (int64, error)
	bindings     []string
	perPrincipal bool
}

// DefaultMaxBytes is the default maximum size of a response: what gRPC clients accept by default.
const DefaultMaxBytes = msgsize.Stock

// WithMaxBytes sets the maximum size of a response in bytes, instead of [DefaultMaxBytes]. If the
// requested items exceed it, the page has fewer, at least one, and a token for the rest
// (AIP-158).
func WithMaxBytes(n int) Option {
	return func(o *options) { o.maxBytes = max(n, 1) }
}

// WithTotal sets the response's number of items on all pages to the result of count, or to the
// field's maximum if that is less. count is called for each page if the response has the field,
// and never otherwise. Counting may cost more than the page; AIP-158 allows an estimate.
func WithTotal(count func(context.Context) (int64, error)) Option {
	return func(o *options) { o.total = count }
}

// WithTotalIf is [WithTotal] if asked is true, such as a field of the request, and no option
// otherwise.
func WithTotalIf(asked bool, count func(context.Context) (int64, error)) Option {
	if !asked {
		return func(*options) {}
	}
	return WithTotal(count)
}

// WithBinding binds page tokens to values outside the request that the list depends on: a tenant
// from the metadata, the columns of an order. If a value has changed, the token is rejected with
// [ReasonTokenMismatch].
func WithBinding(values ...string) Option {
	return func(o *options) { o.bindings = append(o.bindings, values...) }
}

// WithPrincipalBinding binds page tokens to the authenticated caller, for lists that depend on
// it. It does not authorize: the source must decide, for each page, what the caller may see.
func WithPrincipalBinding() Option {
	return func(o *options) { o.perPrincipal = true }
}

// bound returns the values that tokens are bound to in addition to the request.
func (o *options) bound(ctx context.Context) []string {
	if !o.perPrincipal {
		return o.bindings
	}
	var id string
	if call, ok := runtime.CallFromContext(ctx); ok && call.Principal() != nil {
		id = call.Principal().ID
	}
	return append([]string{"principal", id}, o.bindings...)
}
