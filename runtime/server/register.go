package server

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// Register serves impl on r by its table. Generated Register functions call it. If r is neither a
// [Server] nor a [Registrar], calls run through the pipeline of [On] without options.
//
// [Server.Run] and [Server.Serve] return an error if impl is nil or the name is taken. On any
// other registrar a nil impl panics, because no error can be returned.
func Register[S any](r grpc.ServiceRegistrar, table *runtime.Service[S], impl S) {
	host, ok := r.(registry)
	if !ok {
		host = On(r)
	}
	if isNil(impl) {
		host.fail(fmt.Errorf("%s: the implementation is nil; pass a value", table.Name()))
		return
	}
	host.add(describe(host.calls(), table, impl), impl)
}

// WithService registers impl by its table, as [Register] does: for packages whose option brings
// along a service.
func WithService[S any](table *runtime.Service[S], impl S) Option {
	return func(c *settings) {
		c.services = append(c.services, func(r grpc.ServiceRegistrar) { Register(r, table, impl) })
	}
}

// registerServices registers the services of [WithService] on r.
func (c *settings) registerServices(r grpc.ServiceRegistrar) {
	for _, register := range c.services {
		register(r)
	}
}

// registry is a registrar of this package: a [Server] or what [On] returns.
type registry interface {
	grpc.ServiceRegistrar
	// calls returns the pipeline that the methods registered here are bound to.
	calls() *pipeline
	// add registers a service whose methods are bound already.
	add(desc *grpc.ServiceDesc, impl any)
	// fail takes the error of a service that cannot be registered.
	fail(err error)
}

// On returns a registrar that registers services on target, with the pipeline of a [Server] around
// their methods. target is a *grpc.Server, an xDS server, or any other registrar.
//
// Options that concern calls apply: the logger, the default timeout, the bounds of running calls,
// authentication, rates, checks, observers, interceptors, the panic handler, policies. Options
// that concern connections apply if target was made with [GRPCOptions]. Without that, a
// [grpc.UnknownServiceHandler] of target serves every caller, even if there is an authenticator.
//
// On panics if an option is invalid, as registering does for invalid services, because no error
// can be returned. A method that requires authentication rejects every call if there is no
// authenticator, and one that requires a permission rejects every call if there is no authorizer.
//
// The owner of target shuts it down, and calls [Registrar.Drain] when the shutdown starts.
func On(target grpc.ServiceRegistrar, opts ...Option) *Registrar {
	config := newSettings(opts)
	if config.healthAddr != "" {
		config.fail("WithHealthAddr(%q): On serves no address; register health on your own *grpc.Server",
			config.healthAddr)
	}
	if config.engine != nil {
		config.fail("WithEngine: On serves nothing; pass your engine as the target")
	}
	if len(config.fronts) > 0 || config.sole != nil {
		config.fail("WithFront: On serves no address; pass the front your own server")
	}
	if len(config.companions) > 0 {
		config.fail("WithCompanions: On serves nothing that they could accompany; start them in the program")
	}
	if err := errors.Join(config.errs...); err != nil {
		panic(err)
	}
	if config.policyFile != nil {
		config.policyFile.onUse = true // nothing here knows when the target serves
	}
	r := &Registrar{target: target, pipeline: newPipeline(config), health: newHealth(), since: time.Now()}
	config.registerServices(r)
	return r
}

// Registrar registers services on another registrar; see [On].
type Registrar struct {
	target   grpc.ServiceRegistrar
	pipeline *pipeline
	health   *Health
	since    time.Time
}

// RegisterService registers a third-party service on the target, with the pipeline around its
// methods.
func (r *Registrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if err := checkImplementation(desc, impl); err != nil {
		r.fail(err)
	}
	piped, errs := r.pipeline.foreignDesc(desc, impl)
	if err := errors.Join(errs...); err != nil {
		r.fail(err)
	}
	r.add(piped, impl)
}

// Health returns the health of the registered services. It is served only after
// [Registrar.RegisterHealth].
func (r *Registrar) Health() *Health { return r.health }

// RegisterHealth serves the health of the registered services. If target has a health service
// already, grpc ends the process.
func (r *Registrar) RegisterHealth() {
	own := r.health.onServer()
	r.target.RegisterService(describe[healthService](r.pipeline, healthTable, own), own)
}

// Drain changes the health of all services to NOT_SERVING, ends its Watch streams, and closes the
// channels that [runtime.Draining] returned, so that long streams end. It does not wait.
func (r *Registrar) Drain() {
	r.health.shutDown()
	r.pipeline.drain.start()
}

func (r *Registrar) calls() *pipeline { return r.pipeline }

func (r *Registrar) add(desc *grpc.ServiceDesc, impl any) {
	faults := append(r.pipeline.overrides.Faults(), r.pipeline.unbound()...)
	if err := errors.Join(faults...); err != nil {
		r.fail(err)
	}
	r.target.RegisterService(desc, impl)
	r.pipeline.warnOfTokens()
	r.pipeline.warnOfRejected(desc.ServiceName)
	r.health.SetServing(desc.ServiceName, true)
}

// fail panics, as grpc's own registration does: no error can be returned.
func (r *Registrar) fail(err error) { panic(err) }
