package server

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// effective is the policy of a method that is in effect, as its steps need it. [WithPolicyFile]
// replaces it while the server runs: a call keeps the one that it started with. Only timeouts,
// rates, concurrency and log differ from the policy at the start.
type effective struct {
	info      runtime.MethodInfo
	records   records
	deadlines deadlines
	apart     bool   // whether the method runs in a separate goroutine: see runApart
	blocks    bool   // whether a gate may block
	adaptive  bool   // whether the concurrency adapts to the duration of calls
	peers     *rates // nil without any
	counted   *rates // of the principals and of the method; nil without any
}

// effectiveOf returns the effective policy for info, without rates.
func (m *method) effectiveOf(info runtime.MethodInfo) *effective {
	d := deadlinesOf(info.Policy, m.timeout)
	return &effective{
		info:      info,
		records:   recordsOf(info.Policy.Log),
		deadlines: d,
		adaptive:  adaptive(info),
		apart: d.idle > 0 || d.total > 0 ||
			m.streamInfo.IsClientStream && !m.without.recovery,
		blocks: m.authenticator != nil || m.limiter != RateLimiter(localLimiter{}) ||
			info.Policy.Concurrency.MaxWait > 0,
	}
}

// effectiveAtFirst returns the effective policy of a method that is registered.
func (m *method) effectiveAtFirst() *effective {
	e := m.effectiveOf(m.info)
	e.peers = m.bindRates(m.info, peerKeys, nil)
	e.counted = m.bindRates(m.info, callerKeys, nil)
	return e
}

// change is a policy of a method that is not in effect yet.
type change struct {
	method *method
	next   *effective
}

// prepare returns the change to a policy. It calls the rate limiter, which may panic, and has no
// effect on calls.
func (m *method) prepare(policy runtime.Policy) change {
	info, now := m.info, m.policy.Load()
	info.Policy = policy
	next := m.effectiveOf(info)
	next.peers = m.bindRates(info, peerKeys, now.peers)
	next.counted = m.bindRates(info, callerKeys, now.counted)
	return change{m, next}
}

// apply makes the change take effect for the calls that start from now on. Limits that are counted
// in memory keep their counts: they change for all calls.
func (c change) apply(now time.Time) {
	before := c.method.policy.Load()
	c.next.peers.follow(before.peers, now)
	c.next.counted.follow(before.counted, now)
	if is := c.next.info.Policy.Concurrency; is != before.info.Policy.Concurrency {
		c.method.slots.Set(placesOf(is), is.MaxWait, c.next.adaptive)
	}
	c.method.policy.Store(c.next)
}

// hasLivePolicies reports whether policies may change while the server runs.
func (p *pipeline) hasLivePolicies() bool { return p.policyFile != nil }
