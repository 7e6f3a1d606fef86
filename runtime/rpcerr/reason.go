package rpcerr

import (
	"strings"
)

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

// ErrorDomain is the domain in the ErrorInfo detail of every error that the runtime itself makes (AIP-193).
const ErrorDomain = "grpcservice"

// Reasons of the errors that the runtime itself makes: what [ReasonOf] returns for them, and the reason in their ErrorInfo
// detail, whose domain is [ErrorDomain].
const (
	// ReasonInternal is the reason of INTERNAL after a panic or a misuse that only the service's log describes.
	ReasonInternal Reason = "INTERNAL"
	// ReasonUnknown is the reason of UNKNOWN, which hides an error that carries no status.
	ReasonUnknown Reason = "UNKNOWN"
	// ReasonUnimplemented is the reason of UNIMPLEMENTED.
	ReasonUnimplemented Reason = "METHOD_UNIMPLEMENTED"
	// ReasonDraining is the reason of UNAVAILABLE on a server that shuts down.
	ReasonDraining Reason = "SERVER_DRAINING"
	// ReasonOverloaded is the reason of UNAVAILABLE where the server or the method runs as many calls as it may. RetryInfo
	// says when to try again.
	ReasonOverloaded Reason = "OVERLOADED"
	// ReasonRateLimited is the reason of RESOURCE_EXHAUSTED where calls come faster than the policy allows. RetryInfo says
	// when to try again, QuotaFailure whose rate it is.
	ReasonRateLimited Reason = "RATE_LIMITED"
	// ReasonTooManyCalls is the reason of RESOURCE_EXHAUSTED where one peer has as many calls at a time as the server allows it.
	// RetryInfo says when to try again.
	ReasonTooManyCalls Reason = "TOO_MANY_CALLS"
	// ReasonUnauthenticated is the reason of UNAUTHENTICATED: the call has no credentials, or none that the server accepts.
	ReasonUnauthenticated Reason = "UNAUTHENTICATED"
	// ReasonMissingScope is the reason of PERMISSION_DENIED where the principal lacks a scope that the method requires.
	ReasonMissingScope Reason = "MISSING_SCOPE"
	// ReasonNoPolicy is the reason of PERMISSION_DENIED for a method whose policy does not say who may call it.
	ReasonNoPolicy Reason = "NO_POLICY"
	// ReasonInvalidRequest is the reason of INVALID_ARGUMENT, with a violation in BadRequest for each field that is wrong.
	ReasonInvalidRequest Reason = "INVALID_REQUEST"
	// ReasonRequestTooLarge is the reason of RESOURCE_EXHAUSTED for a request that is larger than the method takes.
	ReasonRequestTooLarge Reason = "REQUEST_TOO_LARGE"
	// ReasonStreamIdle is the reason of DEADLINE_EXCEEDED on a stream without a message for longer than it may be silent.
	ReasonStreamIdle Reason = "STREAM_IDLE"
	// ReasonStreamTimeout is the reason of DEADLINE_EXCEEDED on a stream that is open for longer than it may be.
	ReasonStreamTimeout Reason = "STREAM_TIMEOUT"
	// ReasonUpstreamFailed is the reason of an error of a call to another service whose status
	// does not show that the other service's method made it: UNAVAILABLE where its server is
	// away, for example. Only the code is passed on. It is INTERNAL where the other service
	// rejects the credentials of this server.
	ReasonUpstreamFailed Reason = "UPSTREAM_FAILED"
	// ReasonUnknownService is the reason of NOT_FOUND from a health check of a service that is not registered.
	ReasonUnknownService Reason = "SERVICE_UNKNOWN"
)
