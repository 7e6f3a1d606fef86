package policy

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Method is what a policy depends on beside the options.
type Method struct {
	// ClientStreams and ServerStreams are the stream keywords of the RPC.
	ClientStreams, ServerStreams bool
	// Idempotency is its idempotency_level.
	Idempotency Idempotency
	// HasRules says that the request's message, or one in it, has rules to be checked.
	HasRules bool
	// Patterns are those that its messages, or its options, show.
	Patterns Patterns

	trusted bool // whether the policy gives its word that calls may be repeated
}

func (m Method) unary() bool { return !m.ClientStreams && !m.ServerStreams }

// repeatable says whether a client may make a call twice, by the idempotency level or by the word of the policy.
func (m Method) repeatable() bool { return m.Idempotency != IdempotencyUnknown || m.trusted }

// Layer is what one place says of a method: its service's options, its own, or a rule of a policy file.
type Layer struct {
	Policy *grpcservicev1.Policy
	// Wide says that the place speaks of many methods: what does not fit this one is left out, where it would otherwise be
	// a fault.
	Wide bool
}

// Of returns the policy of a method: what own says, and where it says nothing what defaults says, as far as that fits the
// method. The faults are those of either, and of what the two say together; with faults the policy is empty.
func Of(m Method, defaults, own *grpcservicev1.Policy) (Policy, []Fault) {
	merged, together := Merge(m, []Layer{{Policy: defaults, Wide: true}, {Policy: own}})
	if found := append(CheckWide(defaults), together...); len(found) > 0 {
		return Policy{}, found
	}
	return m.Policy(merged), nil
}

// Merge returns what layers say of a method together; each goes before those that it follows. The faults are those of the
// layers that are not wide, and of what all say together; those of a wide layer alone are found by [CheckWide], so that they can
// be told once for all methods. The policy is empty where any layer is wrong: do not trust it before the wide layers are checked.
func Merge(m Method, layers []Layer) (*grpcservicev1.Policy, []Fault) {
	m.trusted = trusted(layers)
	if found, sound := m.checkEach(layers); !sound {
		return &grpcservicev1.Policy{}, found
	}
	merged := &grpcservicev1.Policy{}
	for _, layer := range layers {
		lay(merged, m.fitting(layer))
	}
	together := faults(Check(merged))
	together.missing(merged)
	for i := range together {
		together[i].Layer = lastToSet(layers, together[i].Field)
	}
	if together = append(together, takenAway(layers)...); len(together) > 0 {
		return &grpcservicev1.Policy{}, together
	}
	return merged, nil
}

// checkEach returns the faults of each layer that is not wide, and whether all layers are sound.
func (m Method) checkEach(layers []Layer) (found []Fault, sound bool) {
	sound = true
	for i, layer := range layers {
		check := Check
		if layer.Wide {
			check = CheckWide
		}
		faults := append(check(layer.Policy), m.misfits(layer)...)
		sound = sound && len(faults) == 0
		for _, fault := range faults {
			if !layer.Wide {
				fault.Layer = i
				found = append(found, fault)
			}
		}
	}
	return found, sound
}

// trusted says whether the layers, all in all, give their word that calls may be repeated.
func trusted(layers []Layer) (word bool) {
	for _, layer := range layers {
		if r := layer.Policy.GetRetry(); r != nil && r.Idempotent != nil {
			word = r.GetIdempotent()
		}
	}
	return word
}

// lay lays a layer over what is there: field by field, but for lists and for who may call, which are replaced.
func lay(merged, over *grpcservicev1.Policy) {
	if over.GetAuth() != nil {
		merged.Auth = nil
	}
	if len(over.GetRate()) > 0 {
		merged.Rate = nil
	}
	if hedges(over) {
		merged.Retry = nil
	}
	if retries(over) {
		merged.Hedging = nil
	}
	if r := merged.GetRetry(); r != nil && len(over.GetRetry().GetCodes()) > 0 {
		r.Codes = nil
	}
	if h := merged.GetHedging(); h != nil && len(over.GetHedging().GetNonFatalCodes()) > 0 {
		h.NonFatalCodes = nil
	}
	if len(over.GetPage().GetVary()) > 0 && merged.GetPage() != nil {
		merged.Page.Vary = nil
	}
	proto.Merge(merged, over)
	for _, name := range patternNames {
		if m, speaks := patternIn(merged, name); speaks && isOff(m) {
			for _, field := range fieldsSet(m) {
				m.Clear(m.Descriptor().Fields().ByName(protoreflect.Name(field)))
			}
		}
	}
}

// retries and hedges say whether a policy asks for it; one that sets the attempts to 0 takes it away.
func retries(p *grpcservicev1.Policy) bool {
	return p.GetRetry() != nil && !isZero(p.GetRetry().MaxAttempts)
}
func hedges(p *grpcservicev1.Policy) bool {
	return p.GetHedging() != nil && !isZero(p.GetHedging().MaxAttempts)
}

// isZero says whether a field is set to zero.
func isZero(field *int32) bool { return field != nil && *field == 0 }

// fitting returns a copy of what a layer says, without what is not for a method of this kind.
func (m Method) fitting(layer Layer) *grpcservicev1.Policy {
	fit := &grpcservicev1.Policy{}
	proto.Merge(fit, layer.Policy)
	if t := fit.GetTimeout(); t != nil && m.unary() {
		t.Idle, t.Total = nil, nil
	} else if t != nil {
		t.Default, t.Max = nil, nil
	}
	if !m.repeatable() {
		fit.Retry = nil
	}
	if !m.unary() || m.Idempotency == IdempotencyUnknown {
		fit.Hedging = nil
	}
	withoutPatterns(fit, func(string) bool { return !m.unary() })
	return fit
}

// misfits returns what a layer that is not wide says, and what is not for a method of this kind.
func (m Method) misfits(layer Layer) (f faults) {
	own := layer.Policy
	if layer.Wide {
		return nil
	}
	t := own.GetTimeout()
	if m.unary() && (t.GetIdle() != "" || t.GetTotal() != "") {
		f.add("timeout", "idle and total are for streams; set default and max")
	}
	if !m.unary() && (t.GetDefault() != "" || t.GetMax() != "") {
		f.add("timeout", "default and max are for methods without a stream; set idle and total")
	}
	if retries(own) && !m.repeatable() {
		f.add("retry", "the method is not idempotent; set its idempotency_level, or retry.idempotent if calls may be repeated all the same")
	}
	switch {
	case !hedges(own):
	case !m.unary():
		f.add("hedging", "it is for methods without a stream; remove it")
	case m.Idempotency == IdempotencyUnknown:
		f.add("hedging", "the method is not idempotent; set its idempotency_level, or remove hedging")
	}
	for _, name := range patternNames {
		if said, speaks := patternIn(own, name); speaks && !m.unary() && !isOff(said) {
			f.add(name, "it is for methods without a stream; remove it")
		}
	}
	return f
}
