package policy

import (
	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// fixed returns what a layer says of patterns that a configuration cannot change: where they are is in the generated code. A
// layer that is not wide has no limits of a pattern that the method has not, either.
func fixed(has Patterns, over Layer) (f faults) {
	shape := shapeIn(over.Policy)
	for _, path := range shape {
		f.add(path, "the generated code has it already; set it in the proto, or in the plugin's policy file")
	}
	for _, name := range patternNames {
		said, speaks := patternIn(over.Policy, name)
		switch {
		case !speaks:
		case isOff(said):
			f.add(name+".off", "the generated code has the pattern already; set it in the proto, or in the plugin's policy file")
		case !has.has(name) && !over.Wide && len(shape) == 0:
			f.add(name, "the method has no such pattern in the generated code; remove it")
		}
	}
	return f
}

// lowerDefaultSize lowers the default size of a table to the maximum that a layer sets, as it follows that where nobody sets it.
func lowerDefaultSize(row, over *grpcservicev1.Page) {
	if row.GetDefaultSize() > 0 && over.GetMaxSize() > 0 && over.DefaultSize == nil {
		row.DefaultSize = proto.Int32(min(row.GetDefaultSize(), over.GetMaxSize()))
	}
}

// withPatterns is with of the limits of patterns. Where they are is the table's.
func (p Policy) withPatterns(q Policy, said *grpcservicev1.Policy) Policy {
	if said.GetPage() != nil {
		p.Page = q.Page
	}
	if said.GetBatch() != nil {
		p.Batch = q.Batch
	}
	if said.GetOperation() != nil {
		p.Operation = q.Operation
	}
	if said.GetIdempotencyKey() != nil {
		p.IdempotencyKey.Window = q.IdempotencyKey.Window
	}
	return p
}

// patternOptions adds the options that make the limits of a policy's patterns.
func patternOptions(options *grpcservicev1.Policy, p Policy) *grpcservicev1.Policy {
	has := PatternsOf(p)
	if has.Page {
		options.Page = &grpcservicev1.Page{
			DefaultSize: countOption(p.Page.DefaultSize), MaxSize: countOption(p.Page.MaxSize), TokenTtl: durationText(p.Page.TokenTTL),
		}
	}
	if has.Batch {
		options.Batch = &grpcservicev1.Batch{
			MaxSize: countOption(p.Batch.MaxSize), Concurrency: countOption(p.Batch.Concurrency),
			AllowEmpty: &p.Batch.AllowEmpty, OwnPolicy: &p.Batch.OwnPolicy,
		}
	}
	if has.Operation {
		options.Operation = operationOptions(p.Operation)
	}
	if has.IdempotencyKey.Field != "" {
		options.IdempotencyKey = &grpcservicev1.IdempotencyKey{Window: durationText(p.IdempotencyKey.Window)}
	}
	return options
}

func operationOptions(o Operation) *grpcservicev1.Operation {
	conflicts := map[OnConflict]grpcservicev1.Operation_OnConflict{
		AbortOnConflict: grpcservicev1.Operation_ON_CONFLICT_ABORT, QueueOnConflict: grpcservicev1.Operation_ON_CONFLICT_QUEUE,
		PreemptOnConflict: grpcservicev1.Operation_ON_CONFLICT_PREEMPT,
	}
	return &grpcservicev1.Operation{
		Lease: durationText(o.Lease), Retain: durationText(o.Retain), Timeout: durationText(o.Timeout),
		MaxAttempts: countOption(o.MaxAttempts), OnConflict: conflicts[o.OnConflict],
	}
}

// countOption returns how options spell a number; 0 is not set.
func countOption(n int) *int32 {
	if n == 0 {
		return nil
	}
	return proto.Int32(int32Of(n))
}
