package server

import (
	"fmt"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// refusing returns why the method would reject the next call whoever makes it, after the step of
// the pipeline; "" if it would not. What only some callers use up, such as the rate of a principal,
// does not count, and what a limiter of the user counts is not known.
func (m *method) refusing(e *effective) string {
	for _, step := range []struct {
		name string
		why  string
	}{
		{"admit", m.notAdmitting()},
		{"authenticate", m.notAuthenticating()},
		{"authorize", m.notAuthorizing()},
		{"rates", e.counted.usedUp()},
		{"concurrency", m.full(e)},
		{"permission", m.notPermitting()},
	} {
		if step.why != "" {
			return step.name + ": " + step.why
		}
	}
	return ""
}

// notAdmitting returns why the server itself rejects calls.
func (m *method) notAdmitting() string {
	switch {
	case m.drain.hasStarted():
		return "the server is shutting down"
	case m.capacity.Full(m.essential()):
		return fmt.Sprintf("the server has %d calls, its limit", m.limits.Calls)
	default:
		return ""
	}
}

// notAuthenticating returns why no caller can be authenticated. Only a server of [On] starts
// without the authenticator that a policy requires.
func (m *method) notAuthenticating() string {
	if m.authenticator == nil && !m.public() && m.info.Policy.Auth != nil {
		return "the policy requires authentication, and the server has no authenticator"
	}
	return ""
}

// notAuthorizing returns why no caller is authorized.
func (m *method) notAuthorizing() string {
	if m.authenticator != nil && !m.public() && m.info.Policy.Auth == nil {
		return "no auth policy authorizes calls of the method"
	}
	return ""
}

// notPermitting returns why no request can be checked for its permission.
func (m *method) notPermitting() string {
	switch {
	case m.guard == nil:
		return ""
	case m.guard.broken != "":
		return "the permission cannot be checked: " + m.guard.broken
	case m.authorizer == nil:
		return "the policy requires a permission, and the server has no authorizer"
	default:
		return ""
	}
}

// usedUp returns that a rate which all callers share is used up. r may be nil.
func (r *rates) usedUp() string {
	if r == nil {
		return ""
	}
	local, ok := r.MethodRates.(localRates)
	if !ok {
		return ""
	}
	i, wait := local.wait()
	if wait <= 0 {
		return ""
	}
	return fmt.Sprintf("the rate of the method is used up for %v: %s",
		roundUp(wait), quotaOf(r.bound[i]))
}

// roundUp rounds a wait up: to seconds if it is longer than ten, otherwise to milliseconds.
func roundUp(wait time.Duration) time.Duration {
	unit := time.Millisecond
	if wait > 10*time.Second {
		unit = time.Second
	}
	return (wait + unit - 1).Truncate(unit)
}

// full returns that all places of the method's concurrency are taken.
func (m *method) full(e *effective) string {
	if e.info.Policy.Concurrency == (runtime.Concurrency{}) || m.slots == nil {
		return ""
	}
	limit, places := m.slots.Limit(), m.slots.MaxWaiting()
	waiting := m.slots.Waiting()
	switch {
	case m.slots.InFlight() < limit || waiting < places:
		return ""
	case places > 0:
		return fmt.Sprintf("%d calls run, the limit, and %d wait", limit, waiting)
	default:
		return fmt.Sprintf("%d calls run, the limit", limit)
	}
}
