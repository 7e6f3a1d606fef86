package policy

import (
	"cmp"
	"time"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Defaults of the patterns.
const (
	defaultPageSize          = 50
	defaultMaxPageSize       = 1000 // AIP-158 leaves it to the API
	defaultTokenTTL          = 72 * time.Hour
	defaultMaxBatch          = 1000 // the number in AIP-231
	defaultBatchConcurrency  = 8
	defaultLease             = 30 * time.Second
	defaultRetain            = 30 * 24 * time.Hour // the time in AIP-151
	defaultOperationAttempts = 3
	defaultWindow            = 24 * time.Hour
)

// withPatterns adds the limits of the patterns that the method has.
func (m Method) withPatterns(p Policy, said *grpcservicev1.Policy) Policy {
	if m.Patterns.Page {
		p.Page = pageOf(said.GetPage())
	}
	if m.Patterns.Batch {
		p.Batch = batchOf(said.GetBatch())
	}
	if m.Patterns.Operation {
		p.Operation = operationOf(said.GetOperation())
	}
	if m.Patterns.IdempotencyKey.Field != "" {
		p.IdempotencyKey = m.Patterns.IdempotencyKey
		p.IdempotencyKey.Window = cmp.Or(durationOf(said.GetIdempotencyKey().GetWindow()), defaultWindow)
	}
	return p
}

func pageOf(p *grpcservicev1.Page) Page {
	page := Page{
		DefaultSize: cmp.Or(int(p.GetDefaultSize()), defaultPageSize),
		MaxSize:     int(p.GetMaxSize()),
		TokenTTL:    cmp.Or(durationOf(p.GetTokenTtl()), defaultTokenTTL),
	}
	if page.MaxSize == 0 {
		page.MaxSize = max(defaultMaxPageSize, page.DefaultSize)
	}
	page.DefaultSize = min(page.DefaultSize, page.MaxSize)
	return page
}

func batchOf(b *grpcservicev1.Batch) Batch {
	return Batch{
		MaxSize:     cmp.Or(int(b.GetMaxSize()), defaultMaxBatch),
		Concurrency: cmp.Or(int(b.GetConcurrency()), defaultBatchConcurrency),
		AllowEmpty:  b.GetAllowEmpty(),
		OwnPolicy:   b.GetOwnPolicy(),
	}
}

func operationOf(o *grpcservicev1.Operation) Operation {
	op := Operation{
		Lease:       cmp.Or(durationOf(o.GetLease()), defaultLease),
		Retain:      cmp.Or(durationOf(o.GetRetain()), defaultRetain),
		Timeout:     max(0, durationOf(o.GetTimeout())),
		MaxAttempts: cmp.Or(int(o.GetMaxAttempts()), defaultOperationAttempts),
	}
	switch o.GetOnConflict() {
	case grpcservicev1.Operation_ON_CONFLICT_QUEUE:
		op.OnConflict = QueueOnConflict
	case grpcservicev1.Operation_ON_CONFLICT_PREEMPT:
		op.OnConflict = PreemptOnConflict
	}
	return op
}
