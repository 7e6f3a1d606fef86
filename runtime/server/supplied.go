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

// RateLimiter enforces the rates of policies, instead of the default one in memory. Bind is called
// once for each rate of each method, when the method is registered.
type RateLimiter interface {
	Bind(runtime.MethodInfo, runtime.Rate) MethodRate
}

// MethodRate counts the calls of a method against a rate. Its methods are called concurrently.
//
// The key identifies the caller: a principal's ID; a NUL and a peer's address ("\x00203.0.113.7",
// for IPv6 the /64); or "" for a rate of all callers together.
type MethodRate interface {
	// Take counts a call and returns 0, or counts nothing and returns how long it is until the next
	// call is allowed.
	Take(ctx context.Context, key string) (wait time.Duration)
	// GiveBack undoes a Take that returned 0: right after it, another rate or the concurrency limit
	// of the method rejected the call. A rate that cannot give calls back does nothing.
	GiveBack(ctx context.Context, key string)
}

// Validator checks requests in addition to the runtime's own checks. Bind is called once for each
// method whose request has rules, when the method is registered. It may return nil if it knows
// none.
type Validator interface {
	Bind(info runtime.MethodInfo, request protoreflect.MessageDescriptor) ValidateFunc
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
// response yet.
type PanicHandler func(ctx context.Context, value any, stack []byte)
