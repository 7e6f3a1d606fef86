package policy

import (
	"time"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
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
		field("default_size", count(), func(p *Policy) *int { return &p.Page.DefaultSize }, 50),
		field("max_size", count(), func(p *Policy) *int { return &p.Page.MaxSize }).completed(),
		field("token_ttl", limit,
			func(p *Policy) *time.Duration { return &p.Page.TokenTTL }, 72*time.Hour),
		shape("vary", names),
		shape("items", aName), shape("size", aNameOrNone), shape("token", aName),
		shape("skip", aNameOrNone), shape("next_token", aName), shape("total", aNameOrNone),
	)
	r.complete = func(_ Method, p *Policy) { p.Page.completeSizes() }
	r.check = func(f *faults, p *grpcservicev1.Policy) {
		size, longest := p.GetPage().GetDefaultSize(), p.GetPage().GetMaxSize()
		if longest > 0 && size > longest {
			f.add("page.default_size", "%d is above page.max_size, which is %d; lower one or raise the other",
				size, longest)
		}
	}
	return r
}

// completeSizes sets the maximum page size, which bounds the default size. AIP-158 leaves the
// number to the API.
func (p *Page) completeSizes() {
	if p.MaxSize == 0 {
		p.MaxSize = max(1000, p.DefaultSize)
	}
	p.DefaultSize = min(p.DefaultSize, p.MaxSize)
}

func batchRule() rule {
	return patternRule("batch", ofUnary, func(p *Policy) bool { return p.Batch.MaxSize != 0 },
		said("off"),
		field("max_size", count(),
			func(p *Policy) *int { return &p.Batch.MaxSize }, 1000), // the number in AIP-231
		field("concurrency", count(), func(p *Policy) *int { return &p.Batch.Concurrency }, 8),
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
			func(p *Policy) *time.Duration { return &p.Operation.Lease }, 30*time.Second),
		field("retain", limit,
			func(p *Policy) *time.Duration { return &p.Operation.Retain }, 30*24*time.Hour), // as in AIP-151
		field("timeout", wait, func(p *Policy) *time.Duration { return &p.Operation.Timeout }),
		field("max_attempts", count(), func(p *Policy) *int { return &p.Operation.MaxAttempts }, 3),
		shape("conflict_key", aNameOrNone),
		field("on_conflict", choice(conflicts),
			func(p *Policy) *OnConflict { return &p.Operation.OnConflict }),
	)
}

func idempotencyKeyRule() rule {
	r := patternRule("idempotency_key", ofUnary,
		func(p *Policy) bool { return p.IdempotencyKey.Field != "" },
		said("off"),
		shape("field", aName),
		field("window", positive,
			func(p *Policy) *time.Duration { return &p.IdempotencyKey.Window }, 24*time.Hour),
	)
	r.prepare = func(m Method, p *Policy) { p.IdempotencyKey = m.Patterns.key }
	return r
}
