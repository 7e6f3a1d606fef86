package policy

import (
	"fmt"
	"slices"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Method is what a policy depends on in addition to the options.
type Method struct {
	// ClientStreams and ServerStreams are the stream keywords of the RPC.
	ClientStreams, ServerStreams bool
	// Idempotency is its idempotency_level.
	Idempotency Idempotency
	// HasRules means that the request message, or one in it, has validation rules.
	HasRules bool
	// Patterns are those that its messages or its options show.
	Patterns Patterns

	trusted bool // whether the policy gives its word that calls may be repeated
}

// repeatable reports whether a client may repeat a call, by the idempotency level or because the
// policy states it.
func (m Method) repeatable() bool { return m.Idempotency != IdempotencyUnknown || m.trusted }

// Layer is the options from one source: the service's, the method's, or a rule of a policy file.
type Layer struct {
	Policy *grpcservicev1.Policy
	// Wide means that the source is for many methods: options that do not fit this one are
	// dropped instead of being a fault.
	Wide bool

	isTable bool // whether it is the policy of a generated table
}

// Patterns are the patterns of a method: only the limits of these apply to it.
type Patterns struct {
	options []string
	key     IdempotencyKey
}

// Add adds the pattern that an option configures, such as "page".
func (has *Patterns) Add(option string) { has.options = append(has.options, option) }

// AddIdempotencyKey adds the idempotency key, unless its field is "": the field and what the
// proto requires of it. The policy has the window.
func (has *Patterns) AddIdempotencyKey(key IdempotencyKey) {
	if key.Field != "" {
		has.key = key
		has.Add("idempotency_key")
	}
}

// Has reports whether the method has the pattern that an option configures.
func (has Patterns) Has(option string) bool { return slices.Contains(has.options, option) }

// calls is a set of kinds of methods, to which an option or a pattern applies.
type calls int

const (
	ofUnary calls = 1 << iota
	ofServerStream
	ofClientStream
	ofBidi

	ofStreams = ofServerStream | ofClientStream | ofBidi
)

// String returns the kinds as a sentence has them: "it is for " and then this.
func (of calls) String() string {
	switch of {
	case ofUnary:
		return "methods without a stream"
	case ofStreams:
		return "streams"
	case ofServerStream:
		return "methods that only stream responses"
	case ofClientStream:
		return "methods that only stream requests"
	case ofBidi:
		return "methods that stream both requests and responses"
	case ofServerStream | ofBidi:
		return "methods that stream responses"
	case ofClientStream | ofBidi:
		return "methods that stream requests"
	default:
		return "methods of other kinds"
	}
}

// have reports whether a method is of one of the kinds.
func (of calls) have(m Method) bool { return of&m.kind() != 0 }

// misfit returns why a method cannot have what is for methods of these kinds, or "".
func (of calls) misfit(m Method) string {
	if of.have(m) {
		return ""
	}
	return fmt.Sprintf("it is for %s; remove it", of)
}

// kind returns the kind of the method.
func (m Method) kind() calls {
	switch {
	case m.ClientStreams && m.ServerStreams:
		return ofBidi
	case m.ClientStreams:
		return ofClientStream
	case m.ServerStreams:
		return ofServerStream
	default:
		return ofUnary
	}
}

// unary reports whether the method is without a stream.
func (m Method) unary() bool { return m.kind() == ofUnary }
