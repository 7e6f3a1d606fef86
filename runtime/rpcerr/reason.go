package rpcerr

import "strings"

// Reason names why a call failed, for programs: "library.example.com/OUT_OF_STOCK". It is the domain and the reason of the
// ErrorInfo detail that errors carry (AIP-193). The reasons of a service are constants that are generated from an enum of its
// proto. Those of the runtime, such as [ReasonRateLimited], are without domain: "RATE_LIMITED".
type Reason string

// newReason returns the reason that ErrorInfo spells as a domain and a name.
func newReason(domain, name string) Reason {
	if domain == ErrorDomain && !strings.Contains(name, "/") {
		return Reason(name)
	}
	return Reason(domain + "/" + name)
}

// Domain returns what the reason's name is unique in: "library.example.com", or [ErrorDomain].
func (r Reason) Domain() string {
	if domain, _, ok := strings.Cut(string(r), "/"); ok {
		return domain
	}
	return ErrorDomain
}

// Name returns the reason as ErrorInfo spells it: "OUT_OF_STOCK".
func (r Reason) Name() string {
	if _, name, ok := strings.Cut(string(r), "/"); ok {
		return name
	}
	return string(r)
}
