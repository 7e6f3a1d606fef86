package server

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

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
