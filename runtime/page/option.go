package page

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
)

// Option is an option of [Method.Serve].
type Option func(*options)

type options struct {
	maxBytes     int
	total        func(context.Context) (int64, error)
	bindings     []string
	perPrincipal bool
}

// DefaultMaxBytes is how many bytes a response has at most: what every client takes that was not told otherwise.
const DefaultMaxBytes = msgsize.Stock

// MaxBytes sets how many bytes a response has at most, in place of [DefaultMaxBytes]. A page has fewer items than were asked
// for where all of them would have more, and a token for the rest (AIP-158); it has one item in any case.
func WithMaxBytes(n int) Option {
	return func(o *options) { o.maxBytes = max(n, 1) }
}

// Total has the response say how many items there are on all pages: what count returns, or as much of it as the field holds. It is
// called for each page of a method whose response has the field, and not at all for others. Counting may cost more than the page;
// an estimate is allowed (AIP-158).
func WithTotal(count func(context.Context) (int64, error)) Option {
	return func(o *options) { o.total = count }
}

// TotalIf is [Total] where asked is true, such as a field of the request, and nothing else.
func WithTotalIf(asked bool, count func(context.Context) (int64, error)) Option {
	if !asked {
		return func(*options) {}
	}
	return WithTotal(count)
}

// Bind binds page tokens to values beside the request that the list depends on: a tenant from the metadata, the columns of an
// order. A token that comes back where one of them is another is refused as one of another request.
func WithBinding(values ...string) Option {
	return func(o *options) { o.bindings = append(o.bindings, values...) }
}

// PerPrincipal binds page tokens to who calls, for a list that depends on it. It is no authorisation: what a caller may see is for
// the source to decide, for each page.
func WithPrincipalBinding() Option {
	return func(o *options) { o.perPrincipal = true }
}

// bound returns what tokens are bound to beside the request.
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
