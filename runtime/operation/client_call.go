package operation

import (
	"context"
	"errors"
)

// Call starts an operation by calling the RPC of svc, and returns the handle of it. The handle asks client how the operation is: see
// [NewClient] and [Getter.Client]. Errors are those of the call, for operations that could not be started; how one that was started
// ends is for [Handle.Wait] to say.
func (m *Method[S, Req, Op, Result, Metadata]) Call(ctx context.Context, svc S, client Client, req *Req) (*Handle[Result, Metadata], error) {
	types, err := m.types()
	if err != nil {
		return nil, misuse(m.info, err)
	}
	answer, err := m.call(svc, ctx, req)
	if err != nil {
		return nil, err
	}
	op, err := readAs(m.info, types.op, answer)
	if err != nil {
		return nil, err
	}
	if op.GetName() == "" && !op.GetDone() {
		return nil, misuse(m.info, errors.New("the server has answered with an operation that is not done and has no name"))
	}
	return newHandle[Result, Metadata](client, op), nil
}

// Named returns the handle of an operation that this RPC has started, by its name: in another process, or another time.
func (m *Method[S, Req, Op, Result, Metadata]) Named(client Client, name string) *Handle[Result, Metadata] {
	return &Handle[Result, Metadata]{client: client, name: name}
}
