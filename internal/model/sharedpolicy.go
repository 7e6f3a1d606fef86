package model

import (
	"reflect"

	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// sharable are the fields of a policy that methods can take from their service, with the methods
// that have them. All other fields follow from the messages of one method.
var sharable = []struct {
	field string
	isOf  func(Method) bool
	// isStrict marks a field that a method cannot turn off, so that all have it or the service has
	// not.
	isStrict bool
}{
	{"Timeout", isUnary, true},
	{"MaxTimeout", isUnary, true},
	{"IdleTimeout", isStream, true},
	{"TotalTimeout", isStream, true},
	{"Auth", isAny, true},
	{"Rates", isAny, false},
	{"Concurrency", isAny, false},
	{"Retry", doesNotHedge, true},
	{"Hedging", isUnary, true},
	{"MaxRequestBytes", isAny, true},
	{"Log", isAny, false},
}

func isAny(Method) bool          { return true }
func isUnary(m Method) bool      { return m.Kind == Unary }
func isStream(m Method) bool     { return m.Kind != Unary }
func doesNotHedge(m Method) bool { return m.Policy.Hedging.MaxAttempts == 0 }

// sharePolicy divides the policies of the methods into what most of them have, which is the policy
// of the service, and what each has of its own.
func (s *Service) sharePolicy() {
	for _, each := range sharable {
		if value := most(s.Methods, each.field, each.isOf, each.isStrict); value.IsValid() {
			policyField(&s.Policy.Policy, each.field).Set(value)
		}
	}
	if s.Policy.Retry.MaxAttempts != 0 {
		s.Policy.Hedging = rules.Hedging{}
	}
	for i := range s.Methods {
		m := &s.Methods[i]
		m.OwnPolicy = Policy{Policy: m.own(s.Policy.Policy)}
	}
}

// SharesPolicy reports whether the RPCs of the service have a policy in common.
func (s Service) SharesPolicy() bool { return !isZero(s.Policy) }

// HasOwnPolicy reports whether the policy of the RPC is not that of its service.
func (m Method) HasOwnPolicy() bool { return !isZero(m.OwnPolicy) }

func isZero(p Policy) bool { return reflect.ValueOf(p.Policy).IsZero() }

// most returns the value that most methods have of a field, if at least two have it. It is invalid
// where the service cannot have it: where methods without it cannot say so, or are as many.
func most(methods []Method, field string, isOf func(Method) bool, isStrict bool) reflect.Value {
	var best *Method
	most, without := 1, 0
	for i := range methods {
		m := &methods[i]
		if !isOf(*m) {
			continue
		}
		if policyField(&m.Policy.Policy, field).IsZero() {
			without++
			continue
		}
		if count := m.likeIn(methods, field, isOf); count > most {
			best, most = m, count
		}
	}
	if best == nil || most <= without || isStrict && without > 0 {
		return reflect.Value{}
	}
	return policyField(&best.Policy.Policy, field)
}

// likeIn counts the methods that have the value of m of a field.
func (m *Method) likeIn(methods []Method, field string, isOf func(Method) bool) (count int) {
	for i := range methods {
		if isOf(methods[i]) && equalIn(&methods[i].Policy.Policy, &m.Policy.Policy, field) {
			count++
		}
	}
	return count
}

// own returns what makes the policy of a method of the shared one, by [rules.Policy.With].
func (m Method) own(shared rules.Policy) (own rules.Policy) {
	shared = shared.For(m.Kind.StreamsRequests(), m.Kind.StreamsResponses())
	want := m.Policy.Policy
	for i := range reflect.TypeFor[rules.Policy]().NumField() {
		name := reflect.TypeFor[rules.Policy]().Field(i).Name
		if !equalIn(&want, &shared, name) {
			policyField(&own, name).Set(policyField(&want, name))
		}
	}
	if len(shared.Rates) > 0 && len(want.Rates) == 0 {
		own.Rates = []rules.Rate{}
	}
	if (shared.Concurrency != rules.Concurrency{} && want.Concurrency == rules.Concurrency{}) {
		own.Concurrency.Limit = -1
	}
	if (shared.Log != rules.Log{} && want.Log == rules.Log{}) {
		own.Log.Sample = 1
	}
	return own
}

func policyField(p *rules.Policy, name string) reflect.Value {
	return reflect.ValueOf(p).Elem().FieldByName(name)
}

func equalIn(a, b *rules.Policy, name string) bool {
	return reflect.DeepEqual(policyField(a, name).Interface(), policyField(b, name).Interface())
}
