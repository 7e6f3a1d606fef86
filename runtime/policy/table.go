package policy

import (
	"cmp"
	"log/slog"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// rules is the table of all rules. To add an option, add its field to options.proto, its field to
// [Policy], and its row here; merging, overriding, checking, generated code and the report follow.
var rules = table{
	timeoutRule(), authRule(), rateRule(), concurrencyRule(), retryRule(), hedgingRule(),
	maxRequestBytesRule(), logRule(), validationRule(),
	pageRule(), batchRule(), operationRule(), idempotencyKeyRule(),
	searchRule(), subscriptionRule(), uploadRule(), bulkRule(), handshakeRule(), roomRule(),
	permissionRule(), balancingRule(), toolRule(),
}

func timeoutRule() rule {
	return rule{name: "timeout", isLive: true,
		options: []option[Policy]{
			field("default", limit,
				func(p *Policy) *time.Duration { return &p.Timeout }).forCalls(ofUnary).atServer(),
			field("max", limit,
				func(p *Policy) *time.Duration { return &p.MaxTimeout }).forCalls(ofUnary).atServer(),
			field("idle", limit,
				func(p *Policy) *time.Duration { return &p.IdleTimeout }).forCalls(ofStreams).atServer(),
			field("total", limit,
				func(p *Policy) *time.Duration { return &p.TotalTimeout }).forCalls(ofStreams).atServer(),
		},
		check: func(f *faults, p *grpcservicev1.Policy) {
			t := p.GetTimeout()
			f.notAbove("timeout.default", t.GetDefault(), "timeout.max", t.GetMax())
			f.notAbove("timeout.idle", t.GetIdle(), "timeout.total", t.GetTotal())
		},
	}
}

func authRule() rule {
	return rule{name: "auth", isWhole: true, isOptional: true,
		options: []option[Policy]{
			field("public", flag, func(p *Policy) *bool { return &p.Auth.Public }),
			field("all_of", texts((*faults).scope), func(p *Policy) *[]string { return &p.Auth.AllOf }),
			field("any_of", texts((*faults).scope), func(p *Policy) *[]string { return &p.Auth.AnyOf }),
			field("principals", texts((*faults).principal),
				func(p *Policy) *[]string { return &p.Auth.Principals }),
		},
		holds:   func(_ Method, p *grpcservicev1.Policy) bool { return p.GetAuth() != nil },
		has:     func(p *Policy) bool { return p.Auth != nil },
		prepare: func(_ Method, p *Policy) { p.Auth = &Auth{} },
		take:    func(to, from *Policy) { to.Auth = from.Auth },
		check: func(f *faults, p *grpcservicev1.Policy) {
			a := p.GetAuth()
			if a.GetPublic() && len(a.GetAllOf())+len(a.GetAnyOf()) > 0 {
				f.add("auth.public", "public and required scopes are mutually "+
					"exclusive; drop one of them")
			}
			if a.GetPublic() && len(a.GetPrincipals()) > 0 {
				f.add("auth.public", "public and principals are mutually exclusive; drop one of them")
			}
		},
	}
}

func rateRule() rule {
	rates := option[Policy]{
		name: "rate",
		decode: func(p *Policy, v protoreflect.Value, set bool) {
			if set {
				p.Rates = ratesOf(v.List())
			}
		},
		encode: func(p *Policy, m protoreflect.Message, fd protoreflect.FieldDescriptor) {
			for i := range p.Rates {
				encodeInto(&p.Rates[i], rateOptions(), m.Mutable(fd).List().AppendMutable().Message())
			}
		},
		take: func(to, from *Policy) { to.Rates = from.Rates },
		check: func(f *faults, path string, v protoreflect.Value) {
			if takesRatesAway(v.List()) {
				return
			}
			for i := range v.List().Len() {
				f.rate(element(path, i), v.List().Get(i).Message())
			}
		},
	}
	return rule{name: "rate", isWhole: true, isOptional: true, isLive: true, options: []option[Policy]{rates}}
}

// rateOptions are the fields of a rate.
func rateOptions() []option[Rate] {
	return []option[Rate]{
		field("per_second", factor((*faults).perSecond),
			func(r *Rate) *float64 { return &r.PerSecond }),
		field("burst", number((*faults).atLeastOne), func(r *Rate) *int { return &r.Burst }),
		field("key", choice(keys), func(r *Rate) *Key { return &r.Key }),
	}
}

// ratesOf returns the rates of a list. A list with a single zero removes the service's rates.
func ratesOf(list protoreflect.List) (rates []Rate) {
	if takesRatesAway(list) {
		return nil
	}
	for i := range list.Len() {
		var r Rate
		decodeInto(&r, rateOptions(), list.Get(i).Message())
		// The burst must fit an int on every platform, because it becomes a literal.
		r.Burst = cmp.Or(r.Burst, int(min(max(1, math.Ceil(r.PerSecond)), math.MaxInt32)))
		rates = append(rates, r)
	}
	return rates
}

// takesRatesAway reports whether rates are a single zero, which removes the service's rates.
func takesRatesAway(rates protoreflect.List) bool {
	zero := &grpcservicev1.Rate{PerSecond: proto.Float64(0)}
	return rates.Len() == 1 && proto.Equal(rates.Get(0).Message().Interface(), zero)
}

func (f *faults) rate(path string, r protoreflect.Message) {
	checkOptions(f, rateOptions(), r, func(option string) string { return path + "." + option })
	if !r.Has(fieldOf(r, "per_second")) {
		f.add(path+".per_second", "it is not set; set it to the number of calls per second")
	}
}

func concurrencyRule() rule {
	return rule{name: "concurrency", isOptional: true, isLive: true,
		options: []option[Policy]{
			field("limit", number((*faults).notNegative),
				func(p *Policy) *int { return &p.Concurrency.Limit }),
			field("adaptive", flag, func(p *Policy) *bool { return &p.Concurrency.Adaptive }),
			field("max_wait", wait, func(p *Policy) *time.Duration { return &p.Concurrency.MaxWait }),
		},
		holds: func(_ Method, p *grpcservicev1.Policy) bool { return p.GetConcurrency().GetLimit() != 0 },
		has:   func(p *Policy) bool { return p.Concurrency.Limit != 0 },
		missing: func(f *faults, p *grpcservicev1.Policy) {
			if c := p.GetConcurrency(); c != nil && c.Limit == nil {
				f.add("concurrency.limit", "it is not set; set it to the number of calls that may run at a time")
			}
		},
	}
}

func retryRule() rule {
	return rule{name: "retry", rival: "hedging", isOptional: true, asks: wantsRetry,
		options: []option[Policy]{
			field("max_attempts", number((*faults).attempts),
				func(p *Policy) *int { return &p.Retry.MaxAttempts }, 3),
			field("initial_backoff", positive,
				func(p *Policy) *time.Duration { return &p.Retry.InitialBackoff }, 100*time.Millisecond),
			field("max_backoff", positive,
				func(p *Policy) *time.Duration { return &p.Retry.MaxBackoff }).completed(),
			field("backoff_multiplier", factor((*faults).multiplier),
				func(p *Policy) *float64 { return &p.Retry.Multiplier }, 2),
			field("codes", texts((*faults).code),
				func(p *Policy) *[]string { return &p.Retry.Codes }, safeCodes()),
			word(),
		},
		fits: func(m Method) string {
			if m.repeatable() {
				return ""
			}
			return "the method is not idempotent; set its idempotency_level, " +
				"or retry.idempotent if retries are safe nevertheless"
		},
		holds:    func(_ Method, p *grpcservicev1.Policy) bool { return wantsRetry(p) },
		has:      func(p *Policy) bool { return p.Retry.MaxAttempts != 0 },
		complete: func(_ Method, p *Policy) { p.Retry.completeBackoffs() },
		check: func(f *faults, p *grpcservicev1.Policy) {
			r := p.GetRetry()
			f.notAbove("retry.initial_backoff", r.GetInitialBackoff(),
				"retry.max_backoff", r.GetMaxBackoff())
		},
	}
}

// word is the row of retry.idempotent. It has no Go field: a policy with retries implies it.
func word() option[Policy] {
	o := said("idempotent")
	o.encode = func(_ *Policy, m protoreflect.Message, fd protoreflect.FieldDescriptor) {
		m.Set(fd, protoreflect.ValueOfBool(true))
	}
	return o
}

// safeCodes are the codes that are safe to retry anywhere (AIP-194).
func safeCodes() []string { return []string{"UNAVAILABLE"} }

// completeBackoffs sets the maximum wait, which bounds the first one.
func (r *Retry) completeBackoffs() {
	if r.MaxBackoff == 0 {
		r.MaxBackoff = max(time.Second, r.InitialBackoff)
	}
	r.InitialBackoff = min(r.InitialBackoff, r.MaxBackoff)
}

func hedgingRule() rule {
	return rule{name: "hedging", rival: "retry", isOptional: true, asks: wantsHedging,
		options: []option[Policy]{
			field("delay", delay, func(p *Policy) *time.Duration { return &p.Hedging.Delay }),
			field("max_attempts", number((*faults).attempts),
				func(p *Policy) *int { return &p.Hedging.MaxAttempts }, 2),
			field("non_fatal_codes", texts((*faults).code),
				func(p *Policy) *[]string { return &p.Hedging.NonFatalCodes }, safeCodes()),
		},
		fits: func(m Method) string {
			if m.unary() && m.Idempotency == IdempotencyUnknown {
				return "the method is not idempotent; set its idempotency_level, or remove hedging"
			}
			return ofUnary.misfit(m)
		},
		holds: func(_ Method, p *grpcservicev1.Policy) bool { return wantsHedging(p) },
		has:   func(p *Policy) bool { return p.Hedging.MaxAttempts != 0 },
		check: func(f *faults, p *grpcservicev1.Policy) {
			if wantsRetry(p) && wantsHedging(p) {
				f.add("hedging", "retry and hedging are mutually exclusive; remove one of them")
			}
		},
		missing: func(f *faults, p *grpcservicev1.Policy) {
			if wantsHedging(p) && p.GetHedging().Delay == nil {
				f.add("hedging.delay", "it is not set; set it to the wait before a second call, "+
					"such as what 95%% of calls take")
			}
		},
	}
}

// wantsRetry and wantsHedging report whether options enable them: attempts set to 0 disable them.
func wantsRetry(p *grpcservicev1.Policy) bool {
	return p.GetRetry() != nil && !isZero(p.GetRetry().MaxAttempts)
}

func wantsHedging(p *grpcservicev1.Policy) bool {
	return p.GetHedging() != nil && !isZero(p.GetHedging().MaxAttempts)
}

// isZero reports whether a field is set to zero.
func isZero(field *int32) bool { return field != nil && *field == 0 }

// balancingRule is about a service as a whole: its Go value is a [Balancing], which no method has.
func balancingRule() rule {
	r := rule{name: "balancing", isOfService: true, fits: func(Method) string {
		return "it is for services, because a connection carries the calls of all methods; " +
			"set it in the service's options, or for all its methods in the plugin's policy file"
	}}
	for _, o := range balancingOptions() {
		r.options = append(r.options, option[Policy]{name: o.name, check: o.check})
	}
	return r
}

// balancingOptions are the fields of the balancing of a service.
func balancingOptions() []option[Balancing] {
	return []option[Balancing]{
		field("policy", choice(balancers), func(b *Balancing) *BalancingPolicy { return &b.Policy }),
		field("connections", number((*faults).connections),
			func(b *Balancing) *int { return &b.Connections }),
		field("same_zone", flag, func(b *Balancing) *bool { return &b.SameZone }),
	}
}

func maxRequestBytesRule() rule {
	return rule{name: "max_request_bytes", options: []option[Policy]{
		field("max_request_bytes", size,
			func(p *Policy) *int64 { return &p.MaxRequestBytes }).atServer(),
	}}
}

func logRule() rule {
	return rule{name: "log", isApart: true, isLive: true, options: []option[Policy]{
		field("level", choice(levels), func(p *Policy) *slog.Level { return &p.Log.Level }).atServer(),
		field("sample", sample, func(p *Policy) *float64 { return &p.Log.Sample }).atServer(),
	}}
}

func validationRule() rule {
	return rule{name: "validation",
		options: []option[Policy]{field("skip", inverse,
			func(p *Policy) *bool { return &p.Validate })},
		prepare:  func(_ Method, p *Policy) { p.Validate = true },
		complete: func(m Method, p *Policy) { p.Validate = p.Validate && m.HasRules },
	}
}
