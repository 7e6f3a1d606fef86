package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Weaker returns the ways in which the policy many is weaker than the policy single. A method with
// the policy many does in one call what a method with the policy single does in several. The policy
// many is weaker in:
//
//   - auth, if it admits a caller that single rejects;
//   - rate, if single has a rate and many has no rate with the same key that is at most as high;
//   - permission, if single requires one and many requires none;
//   - concurrency, if single has a limit and many has none or a higher one.
//
// Rates and limits are compared in calls, regardless of the number of items in a call.
func Weaker(many, single policy.Policy) (ways []string) {
	if way := weakerAuth(many.Auth, single.Auth); way != "" {
		ways = append(ways, way)
	}
	if name := single.Permission.Name; name != "" && many.Permission.Name == "" {
		ways = append(ways, "it does not require the permission "+name)
	}
	for _, rate := range single.Rates {
		if !slices.ContainsFunc(many.Rates, func(own policy.Rate) bool {
			return own.Key == rate.Key && own.PerSecond <= rate.PerSecond && own.Burst <= rate.Burst
		}) {
			ways = append(ways, fmt.Sprintf("it has no rate with %s of at most %v calls per second and a burst of %d",
				keyNames[rate.Key], rate.PerSecond, rate.Burst))
		}
	}
	if limit := single.Concurrency.Limit; limit > 0 {
		if own := many.Concurrency.Limit; own == 0 || own > limit {
			ways = append(ways, fmt.Sprintf("it has no concurrency limit of at most %d", limit))
		}
	}
	return ways
}

var keyNames = map[policy.Key]string{
	policy.ByMethod: "KEY_METHOD", policy.ByPrincipal: "KEY_PRINCIPAL", policy.ByPeer: "KEY_PEER",
}

// weakerAuth describes the callers that many admits and single rejects. It returns "" if there are
// none.
func weakerAuth(many, single *policy.Auth) string {
	switch {
	case many == nil, single != nil && single.Public:
		return ""
	case single == nil:
		return "it admits callers, and the other method has no auth, so it rejects every caller"
	case many.Public:
		return "it is public"
	}
	var missing []string
	for _, scope := range single.AllOf {
		if !slices.Contains(many.AllOf, scope) && !(len(many.AnyOf) == 1 && many.AnyOf[0] == scope) {
			missing = append(missing, scope)
		}
	}
	switch {
	case len(missing) > 0:
		return "it does not require the scope " + strings.Join(missing, ", ")
	case !ensuresAny(many, single.AnyOf):
		return "it does not require one of the scopes " + strings.Join(single.AnyOf, ", ")
	case len(single.Principals) > 0 && len(many.Principals) == 0:
		return "it does not list the principals " + strings.Join(single.Principals, ", ")
	}
	for _, principal := range many.Principals {
		if !single.AllowsPrincipal(principal) {
			return "it lists the principal " + principal
		}
	}
	return ""
}

// ensuresAny reports whether every caller that auth admits has one of the scopes.
func ensuresAny(auth *policy.Auth, scopes []string) bool {
	if len(scopes) == 0 {
		return true
	}
	isOne := func(scope string) bool { return slices.Contains(scopes, scope) }
	return slices.ContainsFunc(auth.AllOf, isOne) ||
		len(auth.AnyOf) > 0 && !slices.ContainsFunc(auth.AnyOf, func(scope string) bool { return !isOne(scope) })
}
