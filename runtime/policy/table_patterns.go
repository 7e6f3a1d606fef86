package policy

import (
	"time"

	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Defaults of the patterns, which also apply to handwritten policies that leave a value unset.
const (
	// DefaultPageSize is the page size if neither the request nor the policy sets one.
	DefaultPageSize = 50
	// DefaultMaxPageSize is the maximum page size. AIP-158 leaves the number to the API.
	DefaultMaxPageSize = 1000
	// DefaultPageTokenTTL is how long a page token is valid.
	DefaultPageTokenTTL = 72 * time.Hour
	// DefaultMaxBatchSize is the maximum number of items in a batch, as in AIP-231.
	DefaultMaxBatchSize = 1000
	// DefaultBatchConcurrency is how many items of a batch run at a time.
	DefaultBatchConcurrency = 8
	// DefaultLease is how long a worker holds an operation without renewing.
	DefaultLease = 30 * time.Second
	// DefaultRetain is how long an operation is kept after its end, as in AIP-151.
	DefaultRetain = 30 * 24 * time.Hour
	// DefaultMaxAttempts is the maximum number of attempts at an operation.
	DefaultMaxAttempts = 3
	// DefaultIdempotencyWindow is how long the response to an idempotency key is stored.
	DefaultIdempotencyWindow = 24 * time.Hour
	// DefaultHeartbeat is how long a subscription is silent before it sends its position.
	DefaultHeartbeat = 30 * time.Second
	// DefaultMaxLines is the maximum number of past events that a subscription starts with.
	DefaultMaxLines = 1000
)

// patternRule returns the rule of a pattern, which methods of some kinds have by their messages.
// has reports whether a policy has the limits of the pattern.
func patternRule(
	name string, of calls, has func(p *Policy) bool, options ...option[Policy],
) rule {
	r := rule{name: name, isPattern: true, options: options, fits: of.misfit, has: has,
		holds: func(m Method, _ *grpcservicev1.Policy) bool { return m.Patterns.Has(name) },
	}
	r.asks = func(p *grpcservicev1.Policy) bool { return !isOff(r.message(p)) }
	return r
}

func pageRule() rule {
	r := patternRule("page", ofUnary, func(p *Policy) bool { return p.Page.MaxSize != 0 },
		said("off"),
		field("default_size", count(), func(p *Policy) *int { return &p.Page.DefaultSize }, DefaultPageSize),
		field("max_size", count(), func(p *Policy) *int { return &p.Page.MaxSize }).completed(),
		field("token_ttl", limit,
			func(p *Policy) *time.Duration { return &p.Page.TokenTTL }, DefaultPageTokenTTL),
		shape("vary", names),
		shape("items", aName), shape("size", aNameOrNone), shape("token", aName),
		shape("skip", aNameOrNone), shape("next_token", aName), shape("total", aNameOrNone),
	)
	r.complete = func(_ Method, p *Policy) { p.Page.completeSizes() }
	r.follow = func(row, over *grpcservicev1.Policy) { lowerDefaultSize(row.GetPage(), over.GetPage()) }
	r.check = func(f *faults, p *grpcservicev1.Policy) {
		size, longest := p.GetPage().GetDefaultSize(), p.GetPage().GetMaxSize()
		if longest > 0 && size > longest {
			f.add("page.default_size", "%d is above page.max_size, which is %d; lower one or raise the other",
				size, longest)
		}
	}
	return r
}

// completeSizes sets the maximum page size, which bounds the default size.
func (p *Page) completeSizes() {
	if p.MaxSize == 0 {
		p.MaxSize = max(DefaultMaxPageSize, p.DefaultSize)
	}
	p.DefaultSize = min(p.DefaultSize, p.MaxSize)
}

// lowerDefaultSize lowers the default size of a table to the maximum that a layer sets, because an
// unset default follows the maximum.
func lowerDefaultSize(row, over *grpcservicev1.Page) {
	if row.GetDefaultSize() > 0 && over.GetMaxSize() > 0 && over.DefaultSize == nil {
		row.DefaultSize = proto.Int32(min(row.GetDefaultSize(), over.GetMaxSize()))
	}
}

func batchRule() rule {
	return patternRule("batch", ofUnary, func(p *Policy) bool { return p.Batch.MaxSize != 0 },
		said("off"),
		field("max_size", count(),
			func(p *Policy) *int { return &p.Batch.MaxSize }, DefaultMaxBatchSize),
		field("concurrency", count(),
			func(p *Policy) *int { return &p.Batch.Concurrency }, DefaultBatchConcurrency),
		field("allow_empty", flag, func(p *Policy) *bool { return &p.Batch.AllowEmpty }),
		shape("children", aName), shape("results", aName), shape("missing", aNameOrNone),
		shape("mode", nil),
		field("own_policy", flag, func(p *Policy) *bool { return &p.Batch.OwnPolicy }),
	)
}

func operationRule() rule {
	return patternRule("operation", ofUnary, func(p *Policy) bool { return p.Operation.Lease != 0 },
		said("off"),
		shape("response_type", aName), shape("metadata_type", aName),
		field("lease", lease,
			func(p *Policy) *time.Duration { return &p.Operation.Lease }, DefaultLease),
		field("retain", limit,
			func(p *Policy) *time.Duration { return &p.Operation.Retain }, DefaultRetain),
		field("timeout", wait, func(p *Policy) *time.Duration { return &p.Operation.Timeout }),
		field("max_attempts", count(),
			func(p *Policy) *int { return &p.Operation.MaxAttempts }, DefaultMaxAttempts),
		shape("conflict_key", aNameOrNone),
		field("on_conflict", choice(conflicts),
			func(p *Policy) *OnConflict { return &p.Operation.OnConflict }),
		shape("status", aName), shape("done", names), shape("failed", names),
		shape("pending", aName), shape("running", aName),
		shape("name", aName), shape("error", aNameOrNone), shape("error_code", aNameOrNone),
		shape("result", aNameOrNone),
	)
}

func idempotencyKeyRule() rule {
	r := patternRule("idempotency_key", ofUnary,
		func(p *Policy) bool { return p.IdempotencyKey.Field != "" },
		said("off"),
		shape("field", aName),
		field("window", positive,
			func(p *Policy) *time.Duration { return &p.IdempotencyKey.Window },
			DefaultIdempotencyWindow),
	)
	r.prepare = func(m Method, p *Policy) { p.IdempotencyKey = m.Patterns.key }
	return r
}
