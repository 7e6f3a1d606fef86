package server

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Authenticator authenticates callers. Bind is called once for each method, when it is registered.
type Authenticator interface {
	Bind(runtime.MethodInfo) AuthenticateFunc
}

// AuthenticateFunc returns the principal of the call of ctx, from its metadata or peer. It returns
// nil and no error only if the call has no credentials of its kind: the next authenticator of
// [WithAuthenticator] then decides.
//
// The server logs an error. The caller receives UNAUTHENTICATED, or the code of the error's
// status, such as UNAVAILABLE, with a fixed text. An error of [rpcerr.Reason.Errorf] is sent as it
// is.
//
// Return an error for credentials without a subject. A principal without an ID is a fault of the
// authenticator, because all such callers would share stored responses and operations. The server
// logs it and rejects the call with UNAUTHENTICATED; a public method serves the caller as
// unauthenticated.
type AuthenticateFunc func(ctx context.Context) (*runtime.Principal, error)

// Bind implements [Authenticator]: f authenticates the calls of all methods.
func (f AuthenticateFunc) Bind(runtime.MethodInfo) AuthenticateFunc { return f }

// Authorizer decides which principals have a permission on a resource. Bind is called once for
// each method, when the method is registered. If it returns nil, no principal has a permission in
// calls of the method.
type Authorizer interface {
	Bind(runtime.MethodInfo) AuthorizeFunc
}

// AuthorizeFunc sets allowed[i] to true if a principal has a permission on resource i. All are
// false when it is called. It is called with all resources of a request at once, with at most
// [MaxResources], and for each request of a stream.
//
// The server logs an error and rejects the call with UNAVAILABLE, reason
// AUTHORIZATION_UNAVAILABLE, whatever the code of the error. A panic is INTERNAL. Neither admits a
// call.
//
// ctx is that of the call. A function that calls another service must set a short deadline:
// streams have none. It must not use allowed after it has returned, nor modify access.
type AuthorizeFunc func(ctx context.Context, access Access, allowed []bool) error

// Bind implements [Authorizer]: f authorizes the calls of all methods.
func (f AuthorizeFunc) Bind(runtime.MethodInfo) AuthorizeFunc { return f }

// Access is what an [Authorizer] decides about.
type Access struct {
	// Principal is the caller. It is never nil.
	Principal *runtime.Principal
	// Permission is the name of the permission: "orders.cancel".
	Permission string
	// Resources are the names of the resources as the caller sent them. There is at least one, and
	// none is empty. They may be of any form; see docs/authorization.md.
	Resources []string
}

// MaxResources is the maximum number of resources that an [Authorizer] is asked about at once. A
// request with more is rejected, unless its policy allows larger batches.
const MaxResources = 1000

// AuthorizeEach returns an authorizer that asks for one resource after the other.
func AuthorizeEach(
	has func(ctx context.Context, principal *runtime.Principal, permission, resource string) (bool, error),
) Authorizer {
	return AuthorizeFunc(func(ctx context.Context, access Access, allowed []bool) (err error) {
		for i, resource := range access.Resources {
			if allowed[i], err = has(ctx, access.Principal, access.Permission, resource); err != nil {
				return err
			}
		}
		return nil
	})
}

// RateLimiter enforces the rates of policies, instead of the default one in memory. Bind is called
// when a method is registered: once for the rates that count by peer, and once for its other rates,
// because the former apply before authentication and the latter after authorization. It is not
// called without rates. With [WithPolicyFile], it is called again when the rates of one of the two
// change; calls in progress use the earlier MethodRates. If it panics then, the file is rejected.
//
// Package limittest tests implementations.
type RateLimiter interface {
	Bind(runtime.MethodInfo, []runtime.Rate) MethodRates
}

// MethodRates counts the calls of a method against the rates of one Bind. A call counts for all of
// them or for none. The methods are called concurrently.
//
// The caller is a principal's ID, or a NUL and a peer's address ("\x00203.0.113.7", for IPv6 the
// /64). Rates with the key [runtime.ByMethod] count all callers together; if a Bind has no other
// rates, the caller is "".
type MethodRates interface {
	// Take counts a call and returns a wait of 0. If the call exceeds a rate, Take counts nothing,
	// and returns the index of that rate and how long it is until that rate allows a call.
	//
	// Take returns an error if it cannot decide, or if ctx ends while it waits. The server logs an
	// error. The caller receives UNAVAILABLE with a fixed text, or the end of its call; an error of
	// [rpcerr.Reason.Errorf] is sent as it is.
	Take(ctx context.Context, caller string) (rate int, wait time.Duration, err error)
	// GiveBack undoes a Take that allowed a call: right after it, the concurrency limit of the
	// method rejected the call. GiveBack must not wait. Rates that cannot give calls back do nothing.
	GiveBack(ctx context.Context, caller string)
}

// Validator checks requests in addition to the runtime's own checks. Bind is called once for each
// method whose request has rules, when the method is registered. It may return nil if it knows
// none. Its error, such as a rule that does not compile, is an error of [Server.Run].
type Validator interface {
	Bind(info runtime.MethodInfo, request protoreflect.MessageDescriptor) (ValidateFunc, error)
}

// ValidateFunc returns what is wrong with a request; for a stream it is called for each one. The
// caller receives an error with a status as it is, and otherwise INVALID_ARGUMENT with a fixed
// text.
type ValidateFunc func(ctx context.Context, req proto.Message) error

// IdempotencyGuard makes repeated calls with the same idempotency key have the effect of one call
// (AIP-155). Bind is called once for each unary method whose policy names the key field, when the
// method is registered. It may return nil to skip a method. Package idempotency has a guard.
type IdempotencyGuard interface {
	Bind(runtime.MethodInfo) IdempotencyFunc
}

// IdempotencyFunc returns the response of a call: that of run, which runs the interceptors and the
// method, or a stored one. It may call run once, with ctx or a child of it, and must not outlive
// the call. The request has been validated.
type IdempotencyFunc func(ctx context.Context, req proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error)

// PanicHandler is called after a panic in a method, in a stream's iterator or in a goroutine of
// [runtime.Go] was logged, for example to report it elsewhere. The caller has not received a
// response yet. It is also called for panics outside of calls: in a function of
// [Server.Background], in a companion, in the decoding of the policy file, and in the work of
// operations.
type PanicHandler func(ctx context.Context, value any, stack []byte)
