package server

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime"
)

// stage is one step of a method's pipeline that may reject a call before its request is decoded. ctx
// is the call's, or a child of it.
type stage func(ctx context.Context, c *callContext) error

// stagesOf returns the stages of a method in their order: the bounds of the server and the rates of
// the peer; authentication and authorisation; the rates of the principal and of the method, and its
// concurrency.
//
// Before authorisation stands only what one peer cannot use up for the others.
func (m *method) stagesOf() (stages []stage) {
	stages = append(stages, m.admissionStage())
	if counted := m.ratesBy(m.info, runtime.ByPeer); len(counted) > 0 {
		stages = append(stages, counted.take)
	}
	stages = appendStage(stages, m.authStage(m.info))
	return appendStage(stages, m.quotaStage())
}

// appendStage appends s unless it is nil.
func appendStage(stages []stage, s stage) []stage {
	if s == nil {
		return stages
	}
	return append(stages, s)
}

// observe tells the observers of a call.
func (m *method) observe(c *callContext) {
	for _, o := range m.observing {
		if ctx := o.Begin(c.Context, c); ctx != nil {
			c.Context = ctx // nobody else has c yet
		}
		c.observed++
	}
}

// admit takes a call through the stages.
func (m *method) admit(ctx context.Context, c *callContext) error {
	for _, pass := range m.stages {
		if err := pass(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// admitUnary takes a unary call through the stages, and returns the context of its method. Where a stage may take its time the
// deadline is set before it, and else after: a refusal costs less without.
func (m *method) admitUnary(c *callContext) (context.Context, error) {
	m.observe(c)
	if m.waits {
		ctx := c.withDeadline(m.deadlines)
		return ctx, m.admit(ctx, c)
	}
	if err := m.admit(c, c); err != nil {
		return nil, err
	}
	return c.withDeadline(m.deadlines), nil
}
