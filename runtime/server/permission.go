package server

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/resource"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithAuthorizer makes authorizer decide which principals have the permissions that policies
// require, on the resources that requests name. The server asks it after it has decoded a request
// and before it validates it (AIP-211), for each request of a stream.
//
// Without this option, the server does not start if a policy requires a permission, except with
// [WithoutAuthentication], which admits every caller. With both options, permissions are required,
// and a call without a principal is rejected with UNAUTHENTICATED.
func WithAuthorizer(authorizer Authorizer) Option {
	return func(c *settings) {
		if isNil(authorizer) {
			c.fail("WithAuthorizer(nil): pass an authorizer, or leave the option out")
			return
		}
		c.authorizer = authorizer
	}
}

// permissionCheck returns the step that asks the authorizer; the zero check if the policy requires
// no permission.
func (m *method) permissionCheck() (c check) {
	if m.info.Policy.Permission.Name == "" || m.unguarded() {
		return c
	}
	m.guard = m.newGuard()
	return check{first: m.guard.first, later: m.guard.later, apart: true}
}

// unguarded reports whether the server admits all callers and requires no permission.
func (p *pipeline) unguarded() bool { return p.authorizer == nil && p.admitAll }

func (m *method) newGuard() *guard {
	policy := m.info.Policy.Permission
	g := &guard{method: m, policy: policy, most: MaxResources}
	if m.info.Descriptor == nil {
		g.broken = "the program does not link the proto of the method"
	} else if path, err := resource.Find(m.info.Descriptor.Input(), policy); err != nil {
		g.broken = err.Error()
	} else {
		g.path = path
	}
	if batch := m.info.Policy.Batch; batch.MaxSize > 0 && g.broken == "" {
		g.most = max(g.most, batch.MaxSize)
		g.empty = batch.AllowEmpty && g.path.IsOnlyList()
	}
	if g.broken != "" {
		m.failToBind(fmt.Errorf("%s: the permission cannot be checked: %s", m.log.name, g.broken))
	}
	g.denied = g.denial(policy.Resource)
	return g
}

// denial returns the error of a caller without the permission on the resource that a field names.
func (g *guard) denial(field string) error {
	if g.policy.HideExistence {
		return rpcerr.Hide(errResourceNotFound, g.lack(field))
	}
	return missingPermission(g.policy.Name, field).Fixed()
}

const lackText = "the caller lacks the permission %s on the resource in %s"

func (g *guard) lack(field string) string {
	return fmt.Sprintf(lackText, g.policy.Name, field)
}

// missingPermission returns the error of a caller without a permission on the resource that a field
// names.
func missingPermission(permission, field string) *rpcerr.Error {
	return rpcerr.ReasonMissingPermission.
		Errorf(codes.PermissionDenied, lackText, permission, field).
		WithMetadata("permission", permission).WithMetadata("field", field)
}

// first checks the only request of a call, or the first of a stream.
func (g *guard) first(ctx context.Context, req proto.Message) error {
	c, ok := callOf(ctx)
	if !ok {
		return rpcerr.Internal("the context of the call is lost")
	}
	if streamsRequests(c.call.method.info.Kind) {
		return g.next(ctx, c, req)
	}
	return g.check(ctx, c, req)
}

// later checks another request of a stream.
func (g *guard) later(ctx context.Context, req proto.Message) error { return g.first(ctx, req) }

// check asks for the resources of a request.
func (g *guard) check(ctx context.Context, c *callContext, req proto.Message) error {
	if err := g.usable(c); err != nil {
		return err
	}
	if g.path.Many() {
		names, err := g.names(req)
		if err != nil {
			return err
		}
		return g.ask(ctx, c, req, names, make([]bool, len(names)))
	}
	var q struct { // one allocation
		name    [1]string
		allowed [1]bool
	}
	var err error
	if q.name[0], err = g.name(req); err != nil {
		return err
	}
	question := &q
	return g.ask(ctx, c, req, question.name[:], question.allowed[:])
}

// usable returns the error of a call that cannot be admitted, whatever its request.
func (g *guard) usable(c *callContext) error {
	switch {
	case g.broken != "":
		return rpcerr.Internal("permission: " + g.broken)
	case g.method.authorizer == nil:
		return rpcerr.Internal("the policy requires the permission " + g.policy.Name +
			", but the server has no authorizer")
	case c.call.principal == nil:
		return errUnauthenticated
	}
	return nil
}

// name returns the resource of a request that names one.
func (g *guard) name(req proto.Message) (string, error) {
	path, err := g.pathIn(req)
	if err != nil {
		return "", err
	}
	name := path.One(req.ProtoReflect())
	return name, g.checkName(name)
}

// checkName returns the error of a request that names one resource.
func (g *guard) checkName(name string) error {
	switch {
	case name == "":
		return g.invalid(resource.Fault{Field: g.policy.Resource})
	case len(name) > resource.MaxBytes:
		return g.invalid(resource.Fault{Field: g.policy.Resource, Kind: resource.TooLong})
	}
	return nil
}

// names returns the resources of a request that may name several.
func (g *guard) names(req proto.Message) ([]string, error) {
	path, err := g.pathIn(req)
	if err != nil {
		return nil, err
	}
	names, fault := path.All(req.ProtoReflect(), g.most)
	switch {
	case fault != nil:
		return nil, g.invalid(*fault)
	case len(names) == 0 && !g.empty:
		return nil, g.invalid(resource.Fault{Field: g.policy.Resource})
	}
	return names, nil
}

// pathIn returns the path in the type of req, which another copy of the proto may describe.
func (g *guard) pathIn(req proto.Message) (resource.Path, error) {
	m := req.ProtoReflect()
	if g.path.Fits(m) {
		return g.path, nil
	}
	path, err := resource.Find(m.Descriptor(), g.policy)
	if err == nil && path.Many() != g.path.Many() {
		err = fmt.Errorf("%s differs from the linked proto", m.Descriptor().FullName())
	}
	if err != nil {
		return path, rpcerr.Internal("permission: " + err.Error())
	}
	return path, nil
}

// invalid returns the error of a request whose resources cannot be used. It shows nothing that
// depends on a resource, so it is not PERMISSION_DENIED.
func (g *guard) invalid(fault resource.Fault) error {
	v := rpcerr.Violation(fault.Field, "it is required; it names the resource that the call is about")
	v.Reason = "REQUIRED"
	switch fault.Kind {
	case resource.TooMany:
		v = rpcerr.Violation(fault.Field, "must name at most %d resources", g.most)
	case resource.TooLong:
		v = rpcerr.Violation(fault.Field, "must have at most %d bytes", resource.MaxBytes)
	}
	return rpcerr.Invalid(v)
}

// ask returns the error of a call whose principal lacks the permission on one of the resources. req
// is the request that names them.
func (g *guard) ask(
	ctx context.Context, c *callContext, req proto.Message, names []string, allowed []bool,
) error {
	if len(names) == 0 {
		return nil
	}
	access := Access{Principal: c.call.principal, Permission: g.policy.Name, Resources: names}
	if err := c.call.method.decide(ctx, access, allowed); err != nil {
		return err
	}
	for i, ok := range allowed {
		if ok {
			continue
		}
		return g.denialAt(req, i)
	}
	return nil
}

// denialAt returns the error of a caller without the permission on the nth resource of req.
func (g *guard) denialAt(req proto.Message, n int) error {
	if !g.path.Many() {
		return g.denied
	}
	return g.denial(g.path.At(req.ProtoReflect(), n))
}

// decide asks the authorizer.
func (m *method) decide(ctx context.Context, access Access, allowed []bool) error {
	if m.ask == nil {
		return nil
	}
	err := m.ask(ctx, access, allowed)
	if err == nil {
		return nil
	}
	if over := ctx.Err(); over != nil {
		return over
	}
	return rpcerr.Hide(errAuthorizationUnavailable, "authorize: "+fmt.Sprint(err))
}

var errAuthorizationUnavailable = rpcerr.ReasonAuthorizationUnavailable.
	Errorf(codes.Unavailable, "the server cannot decide whether the caller has the permission; "+
		"try again later").Fixed()

// Allowed implements [callctx.Call].
func (c *callContext) Allowed(
	ctx context.Context, permission string, resources []string,
) ([]bool, error) {
	m := c.call.method
	allowed := make([]bool, len(resources))
	switch {
	case m.unguarded():
		for i := range allowed {
			allowed[i] = resources[i] != ""
		}
		return allowed, nil
	case m.authorizer == nil:
		return nil, rpcerr.Internal("the method asks for the permission " + permission +
			", but the server has no authorizer")
	case c.call.principal == nil:
		return nil, errUnauthenticated
	}
	for from := 0; from < len(resources); from += MaxResources {
		to := min(from+MaxResources, len(resources))
		err := m.decideSome(ctx, c.call.principal, permission, resources[from:to], allowed[from:to])
		if err != nil {
			return nil, err
		}
	}
	return allowed, nil
}

// decideSome asks the authorizer about the resources that are not empty.
func (m *method) decideSome(
	ctx context.Context, principal *runtime.Principal, permission string,
	resources []string, allowed []bool,
) error {
	access := Access{Principal: principal, Permission: permission}
	for _, name := range resources {
		if name != "" {
			access.Resources = append(access.Resources, name)
		}
	}
	if len(access.Resources) == 0 {
		return nil
	}
	answers := make([]bool, len(access.Resources))
	if err := m.decide(ctx, access, answers); err != nil {
		return err
	}
	for i, name := range resources {
		if name != "" {
			allowed[i], answers = answers[0], answers[1:]
		}
	}
	return nil
}

// streamsRequests reports whether methods of a kind take a stream of requests.
func streamsRequests(kind runtime.Kind) bool {
	return kind == runtime.KindClientStream || kind == runtime.KindBidi
}

// missingAuthorizer returns an error if methods require a permission and the server has no
// authorizer, or no authenticator.
func (p *pipeline) missingAuthorizer() error {
	if p.authorizer != nil && p.authenticator != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, m := range p.methods {
		if m.guard != nil {
			names = append(names, m.log.name)
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case p.authorizer == nil:
		return fmt.Errorf("the policy of %s requires a permission, but the server has no authorizer; "+
			"pass WithAuthorizer, or WithoutAuthentication to admit every caller", listOf(names))
	default:
		return fmt.Errorf("the policy of %s requires a permission, but the server has no authenticator; "+
			"pass WithAuthenticator", listOf(names))
	}
}
