package runtime

import "context"

// stage is one step of a method's pipeline that may refuse a call before its request is decoded. ctx is the call's, or a child
// of it.
type stage func(ctx context.Context, c *callContext) error

// stagesOf returns what a call goes through before its request is decoded, in this order: how many run at a time, how often
// the peer may call and the method be called, who calls, whether they may, how often they may.
//
// What costs least comes first; a peer that calls too often uses up nothing of the method's rate, and a caller who is not let
// in nothing of a principal's.
func (m *method) stagesOf() (stages []stage) {
	stages = appendStage(stages, m.concurrencyStage())
	stages = append(stages, m.rateStages(m.info, ByPeer, ByMethod)...)
	stages = appendStage(stages, m.authStage(m.info))
	return append(stages, m.rateStages(m.info, ByPrincipal)...)
}

// appendStage appends a stage that there is.
func appendStage(stages []stage, s stage) []stage {
	if s == nil {
		return stages
	}
	return append(stages, s)
}

// observe tells the observers of a call.
func (m *method) observe(c *callContext) {
	for _, o := range m.observing {
		if ctx := o.Begin(c.Context, &c.call); ctx != nil {
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
