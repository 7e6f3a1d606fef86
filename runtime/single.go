package runtime

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// Single is a method of which a call of another method does the work, once or many times: a batch
// creates what its service has a method to create one of. What the policy of the single method
// requires of a caller holds for the items of the batch too.
//
// The zero Single requires nothing.
type Single struct {
	method *method
	caller *callContext
}

// SingleIn returns the method called single, of the service of many, where ctx belongs to a call of
// many on a server. It is zero outside of such a call, as where one method calls another directly,
// and where the name is empty. The error is INTERNAL: the service has no such method.
func SingleIn(ctx context.Context, many MethodInfo, single string) (Single, error) {
	c, ok := callOf(ctx)
	if !ok || single == "" || c.call.method.info.FullMethod != many.FullMethod {
		return Single{}, nil
	}
	m := c.call.method.bound("/" + many.Service + "/" + single)
	if m == nil {
		return Single{}, internalError(fmt.Sprintf(
			"%s: the service has no method %s, which is to do it for one item; generate the code anew", many.FullMethod, single))
	}
	return Single{method: m, caller: c}, nil
}

// Authorize returns the error that the caller would get from the single method for who they are:
// UNAUTHENTICATED, or PERMISSION_DENIED with the reason MISSING_SCOPE or NO_POLICY. It is nil where
// they may call it.
func (s Single) Authorize() error {
	if s.method == nil {
		return nil
	}
	return s.method.authorize(s.caller.call.principal)
}

// Check returns what is wrong with a request of the single method, as its calls would: its size, its
// required fields and formats, what the validator says. Of these it leaves out what the check of the
// whole request has covered. What is no request of the method is not checked.
func (s Single) Check(ctx context.Context, req proto.Message) error {
	if s.method == nil {
		return nil
	}
	of := s.method.info.Descriptor
	if of != nil && of.Input().FullName() != req.ProtoReflect().Descriptor().FullName() {
		return nil
	}
	own, covered := &s.method.checks, &s.caller.call.method.checks
	for _, check := range []struct{ own, covered checkFunc }{
		{own.size, nil}, {own.fields, covered.fields}, {own.validator, covered.validator},
	} {
		if check.own == nil || check.covered != nil {
			continue
		}
		if err := check.own(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// authorize returns why a caller may not call the method; nil where they may.
func (m *method) authorize(principal *Principal) error {
	auth := m.info.Policy.Auth
	switch {
	case m.open, auth != nil && auth.Public:
		return nil
	case m.authenticator == nil && auth == nil:
		return nil
	case auth == nil:
		return errNoPolicy
	case principal == nil:
		return errUnauthenticated
	}
	return missingScope(principal, *auth)
}

// bound returns the method of the server with a path; nil where there is none.
func (p *pipeline) bound(fullMethod string) *method {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[fullMethod]
}
