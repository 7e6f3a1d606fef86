package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
	"github.com/grpcservice/grpcservice/runtime/internal/proxies"
	"github.com/grpcservice/grpcservice/runtime/internal/tlsfiles"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// Option configures a [Server], or the pipeline of [On].
type Option func(*settings)

// settings holds the options of one server.
type settings struct {
	logger          *slog.Logger
	timeout         time.Duration
	drainDelay      time.Duration
	shutdownTimeout time.Duration
	sendTimeout     time.Duration // 0 for none
	connectionAge   time.Duration
	ageGrace        time.Duration // 0 for no bound
	workers         int           // goroutines that are kept for calls
	observers       []runtime.Observer
	authenticator   Authenticator
	authorizer      Authorizer
	admitAll        bool // whatever policies require; see WithoutAuthentication
	limiter         RateLimiter
	limits          bounds.Limits
	forwarding      proxies.Set                      // whose X-Forwarded-For is read
	framing         proxies.Set                      // whose connections have a header of the PROXY protocol
	creds           credentials.TransportCredentials // nil for plain text
	tls             tlsSettings
	healthAddr      string // "" for none
	companions      []Companion
	validator       Validator
	idempotency     IdempotencyGuard
	unary           []grpc.UnaryServerInterceptor
	stream          []grpc.StreamServerInterceptor
	onPanic         PanicHandler
	crash           bool
	without         omissions
	grpcDefaults    bool // keep grpc's own limits of the transport
	overrides       *overrides.Overrides
	policyFile      *policyFile // nil without one
	tokens          *seal.Ring  // nil without keys
	compression     compressor
	reflection      bool
	engine          func(EngineConfig) (Engine, error)
	fronts          []frontOptions
	sole            func(*Host) (Engine, error) // a front instead of an engine; or nil
	wrapCreds       []credentialsWrapper
	services        []func(grpc.ServiceRegistrar) // of WithService
	grpc            []grpc.ServerOption
	errs            []error
}

// fail keeps an option's error for Run and Serve to return.
func (c *settings) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// limit sets one of the server's bounds.
func (c *settings) limit(option string, value int, bound *int) {
	if value < 0 {
		c.fail("%s(%d): a bound cannot be negative; pass 0 for none", option, value)
		return
	}
	*bound = value
}

// omissions are the parts of the pipeline that are disabled.
type omissions struct {
	masking, checks, accessLog, recovery, requestID, heldHeaders bool
}

// isNil reports whether impl is nil or holds a nil value.
func isNil(impl any) bool {
	if impl == nil {
		return true
	}
	switch v := reflect.ValueOf(impl); v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return v.IsNil()
	default:
		return false
	}
}

// tlsSettings are the options of TLS with files.
type tlsSettings struct {
	own     bool        // WithTLS or WithCredentials
	config  *tls.Config // of WithTLS
	options tlsfiles.Options
	files   *tlsfiles.Files // nil without WithTLSFiles
}

// credentialsWrapper is the argument of [WithWrappedCredentials].
type credentialsWrapper = func(
	credentials.TransportCredentials,
) (credentials.TransportCredentials, error)
