package model

import (
	"reflect"

	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// sharable lists the policy fields that methods can inherit from their service, and the methods
// that each field applies to. The other fields depend on the messages of a single method.
var sharable = []struct {
	field string
	isOf  func(*Method) bool
	// isStrict marks a field that a method cannot turn off. The service can have it only if all
	// methods that it applies to have it.
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

func isAny(*Method) bool          { return true }
func isUnary(m *Method) bool      { return m.Kind == Unary }
func isStream(m *Method) bool     { return m.Kind != Unary }
func doesNotHedge(m *Method) bool { return m.Policy.Hedging.MaxAttempts == 0 }

// sharePolicy splits the policies of the methods into what most of them share, which becomes the
// policy of the service, and what each method sets itself.
func (s *Service) sharePolicy() {
	for _, each := range sharable {
		field, _ := reflect.TypeFor[rules.Policy]().FieldByName(each.field)
		if value := most(s.Methods, field.Index[0], each.isOf, each.isStrict); value.IsValid() {
			policyField(&s.Policy.Policy, field.Index[0]).Set(value)
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

// SharesPolicy reports whether the RPCs of the service share a policy.
func (s Service) SharesPolicy() bool { return !isZero(s.Policy) }

// HasBalancing reports whether the service states how clients distribute its calls.
func (s Service) HasBalancing() bool { return s.Balancing.Balancing != rules.Balancing{} }

// HasOwnPolicy reports whether the policy of the RPC differs from that of its service.
func (m Method) HasOwnPolicy() bool { return !isZero(m.OwnPolicy) }

func isZero(p Policy) bool { return reflect.ValueOf(&p.Policy).Elem().IsZero() }

// most returns the value of a field that most methods have, if at least two have it. The result is
// invalid if the service cannot have the field: methods without it cannot turn it off, or are at
// least as many.
func most(methods []Method, field int, isOf func(*Method) bool, isStrict bool) reflect.Value {
	var best *Method
	most, without := 1, 0
	for i := range methods {
		m := &methods[i]
		if !isOf(m) {
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

// likeIn counts the methods with the same value of a field as m.
func (m *Method) likeIn(methods []Method, field int, isOf func(*Method) bool) (count int) {
	for i := range methods {
		if isOf(&methods[i]) && equalIn(&methods[i].Policy.Policy, &m.Policy.Policy, field) {
			count++
		}
	}
	return count
}

// own returns the policy that turns the shared policy into that of the method, by
// [rules.Policy.With].
func (m *Method) own(shared rules.Policy) (own rules.Policy) {
	if reflect.ValueOf(&shared).Elem().IsZero() {
		return m.Policy.Policy
	}
	shared = shared.For(m.Kind.StreamsRequests(), m.Kind.StreamsResponses())
	want := m.Policy.Policy
	for field := range reflect.TypeFor[rules.Policy]().NumField() {
		if !equalIn(&want, &shared, field) {
			policyField(&own, field).Set(policyField(&want, field))
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

// policyField returns a field of a policy, by its index.
func policyField(p *rules.Policy, field int) reflect.Value {
	return reflect.ValueOf(p).Elem().Field(field)
}

func equalIn(a, b *rules.Policy, field int) bool {
	return reflect.DeepEqual(policyField(a, field).Interface(), policyField(b, field).Interface())
}
