package rpcerr

import (
	"strings"
)

// Reason names why a call failed, for programs: "library.example.com/OUT_OF_STOCK". It consists
// of the domain and the reason of the ErrorInfo detail (AIP-193). The reasons of a service are
// generated constants, from an enum in its proto. The runtime's own, such as [ReasonRateLimited],
// have no domain: "RATE_LIMITED".
type Reason string

// newReason returns the reason for the domain and name of an ErrorInfo.
func newReason(domain, name string) Reason {
	if domain == ErrorDomain && !strings.Contains(name, "/") {
		return Reason(name)
	}
	return Reason(domain + "/" + name)
}

// Domain returns the domain in which the name is unique: "library.example.com", or [ErrorDomain].
func (r Reason) Domain() string {
	if domain, _, ok := strings.Cut(string(r), "/"); ok {
		return domain
	}
	return ErrorDomain
}

// Name returns the reason as it appears in ErrorInfo: "OUT_OF_STOCK".
func (r Reason) Name() string {
	if _, name, ok := strings.Cut(string(r), "/"); ok {
		return name
	}
	return string(r)
}

// ErrorDomain is the domain in the ErrorInfo detail of every error that the runtime itself
// creates (AIP-193).
const ErrorDomain = "grpcservice"

// Reasons of the errors that the runtime itself creates. [ReasonOf] returns them, and they are
// the reason in the ErrorInfo detail, whose domain is [ErrorDomain].
const (
	// ReasonInternal is the reason of INTERNAL after a panic or a mistake of the service; only the
	// service's log describes it.
	ReasonInternal Reason = "INTERNAL"
	// ReasonUnknown is the reason of UNKNOWN, which hides an error without a status.
	ReasonUnknown Reason = "UNKNOWN"
	// ReasonUnimplemented is the reason of UNIMPLEMENTED.
	ReasonUnimplemented Reason = "METHOD_UNIMPLEMENTED"
	// ReasonDraining is the reason of UNAVAILABLE from a server that is shutting down.
	ReasonDraining Reason = "SERVER_DRAINING"
	// ReasonOverloaded is the reason of UNAVAILABLE if the server or the method runs its maximum
	// number of concurrent calls. RetryInfo says when to retry.
	ReasonOverloaded Reason = "OVERLOADED"
	// ReasonRateLimited is the reason of RESOURCE_EXHAUSTED if calls exceed the rate that the
	// policy allows. RetryInfo says when to retry, and QuotaFailure whose rate it is. It is also the
	// reason of UNAVAILABLE if a rate limiter could not decide.
	ReasonRateLimited Reason = "RATE_LIMITED"
	// ReasonTooManyCalls is the reason of RESOURCE_EXHAUSTED if one peer has its maximum number
	// of concurrent calls. RetryInfo says when to retry.
	ReasonTooManyCalls Reason = "TOO_MANY_CALLS"
	// ReasonUnauthenticated is the reason of UNAUTHENTICATED: the call has no credentials, or
	// none that the server accepts.
	ReasonUnauthenticated Reason = "UNAUTHENTICATED"
	// ReasonMissingScope is the reason of PERMISSION_DENIED if the principal lacks a scope that
	// the method requires.
	ReasonMissingScope Reason = "MISSING_SCOPE"
	// ReasonPrincipalNotAllowed is the reason of PERMISSION_DENIED if the policy of the method
	// lists principals, and the caller is none of them.
	ReasonPrincipalNotAllowed Reason = "PRINCIPAL_NOT_ALLOWED"
	// ReasonNoPolicy is the reason of PERMISSION_DENIED for a method whose policy does not say who
	// may call it.
	ReasonNoPolicy Reason = "NO_POLICY"
	// ReasonMissingPermission is the reason of PERMISSION_DENIED if the principal lacks the
	// permission that the method requires on a resource. The metadata of ErrorInfo has the
	// permission, and the field that names the resource.
	ReasonMissingPermission Reason = "MISSING_PERMISSION"
	// ReasonResourceNotFound is the reason of NOT_FOUND from a method that hides which resources
	// exist: the resource does not exist, or the principal lacks the permission on it.
	ReasonResourceNotFound Reason = "RESOURCE_NOT_FOUND"
	// ReasonAuthorizationUnavailable is the reason of UNAVAILABLE if the server's authorizer
	// cannot decide.
	ReasonAuthorizationUnavailable Reason = "AUTHORIZATION_UNAVAILABLE"
	// ReasonInvalidRequest is the reason of INVALID_ARGUMENT. BadRequest has a violation for each
	// invalid field.
	ReasonInvalidRequest Reason = "INVALID_REQUEST"
	// ReasonRequestTooLarge is the reason of RESOURCE_EXHAUSTED for a request that is larger than
	// the method allows.
	ReasonRequestTooLarge Reason = "REQUEST_TOO_LARGE"
	// ReasonStreamIdle is the reason of DEADLINE_EXCEEDED on a stream that had no message for
	// longer than its idle timeout.
	ReasonStreamIdle Reason = "STREAM_IDLE"
	// ReasonStreamTimeout is the reason of DEADLINE_EXCEEDED on a stream that was open for longer
	// than its total timeout.
	ReasonStreamTimeout Reason = "STREAM_TIMEOUT"
	// ReasonSlowConsumer is the reason of RESOURCE_EXHAUSTED on a stream whose client did not read
	// for too long, or read too slowly.
	ReasonSlowConsumer Reason = "SLOW_CONSUMER"
	// ReasonUpstreamFailed is the reason of an error of a call to another service if its status
	// does not show that the other service's method returned it: UNAVAILABLE because its server
	// is unreachable, for example. Only the code is passed on. The code is INTERNAL if the other
	// service rejects this server's credentials.
	ReasonUpstreamFailed Reason = "UPSTREAM_FAILED"
	// ReasonUnknownService is the reason of NOT_FOUND from a health check of a service that is not
	// registered.
	ReasonUnknownService Reason = "SERVICE_UNKNOWN"
)
