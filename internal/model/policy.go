package model

import (
	"log/slog"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// Policy is what the proto and a policy file say of an RPC beyond its types, and why. A field that is zero is not written.
type Policy struct {
	rules.Policy
	Rules    []policy.Rule
	Unused   []policy.Rule
	Patterns []policy.Pattern
}

// buildPolicy models the policy of one RPC, and returns the patterns that it has.
func (b *builder) buildPolicy(m *protogen.Method) (Policy, pattern.Result) {
	decision, problems := b.policies.Method(m.Desc)
	b.problems.AddOf(atRPC(m).Subject, problems)
	p := Policy{Policy: decision.Policy, Rules: decision.Rules, Unused: decision.Unused, Patterns: decision.Patterns}
	return p, decision.Found
}

// checkPolicyFile reports what is wrong with the policy file, whatever the RPCs it is for.
func (b *builder) checkPolicyFile(plugin *protogen.Plugin, file *policy.File) {
	b.problems.Add(file.Problems()...)
	b.problems.Add(b.policies.Unmatched(plugin.Files)...)
}

// Len counts the fields that are written.
func (p Policy) Len() int {
	count := 0
	for _, written := range []bool{
		p.Idempotency != 0, p.Timeout != 0, p.MaxTimeout != 0, p.IdleTimeout != 0, p.TotalTimeout != 0, p.Auth != nil,
		len(p.Rates) > 0, p.HasConcurrency(), p.HasRetry(), p.HasHedging(), p.MaxRequestBytes != 0, p.HasLog(), p.Validate,
		p.HasPage(), p.HasBatch(), p.HasOperation(), p.HasIdempotencyKey(),
	} {
		if written {
			count++
		}
	}
	return count
}

// IsShort says whether there is one field or none, which goes on one line.
func (p Policy) IsShort() bool { return p.Len() < 2 && !p.HasOperation() }

// HasConcurrency, HasRetry, HasHedging and HasLog say whether these are written.
func (p Policy) HasConcurrency() bool { return p.Concurrency != rules.Concurrency{} }
func (p Policy) HasRetry() bool       { return p.Retry.MaxAttempts != 0 }
func (p Policy) HasHedging() bool     { return p.Hedging.MaxAttempts != 0 }
func (p Policy) HasLog() bool         { return p.Log != rules.Log{} }

// HasPage, HasBatch, HasOperation and HasIdempotencyKey say whether the limits of these patterns are written.
func (p Policy) HasPage() bool           { return p.Page != rules.Page{} }
func (p Policy) HasBatch() bool          { return p.Batch != rules.Batch{} }
func (p Policy) HasOperation() bool      { return p.Operation != rules.Operation{} }
func (p Policy) HasIdempotencyKey() bool { return p.IdempotencyKey != rules.IdempotencyKey{} }

// OnConflictName returns the name of the runtime's constant, or nothing for the default.
func (p Policy) OnConflictName() string {
	return map[rules.OnConflict]string{rules.QueueOnConflict: "QueueOnConflict", rules.PreemptOnConflict: "PreemptOnConflict"}[p.Operation.OnConflict]
}

// IdempotencyName returns the name of the runtime's constant, or nothing for the default.
func (p Policy) IdempotencyName() string {
	return map[rules.Idempotency]string{rules.NoSideEffects: "NoSideEffects", rules.Idempotent: "Idempotent"}[p.Idempotency]
}

// LevelName returns the name of slog's constant for the level of log records, or nothing for the default.
func (p Policy) LevelName() string {
	return map[slog.Level]string{slog.LevelDebug: "LevelDebug", slog.LevelWarn: "LevelWarn", slog.LevelError: "LevelError"}[p.Log.Level]
}

// RateRows returns the rates with the names of their keys.
func (p Policy) RateRows() []Rate {
	rows := make([]Rate, len(p.Rates))
	for i, r := range p.Rates {
		rows[i] = Rate{r, map[rules.Key]string{rules.ByPrincipal: "ByPrincipal", rules.ByPeer: "ByPeer"}[r.Key]}
	}
	return rows
}

// Rate is a rate, with the name of the runtime's constant for its key, or nothing for the default.
type Rate struct {
	rules.Rate
	KeyName string
}
