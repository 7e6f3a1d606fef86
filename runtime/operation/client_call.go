package operation

import (
	"context"
	"errors"
)

// Call starts an operation by calling the RPC of svc, and returns its handle. The handle uses
// client to follow the operation: see [NewClient] and [Getter.Client]. Call returns an error if
// the operation could not be started; [Handle.Wait] returns how it ended.
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
		return nil, misuse(m.info, errors.New("the server returned an operation that is not done and has no name"))
	}
	return newHandle[Result, Metadata](client, op), nil
}

// Named returns the handle of an operation of this RPC by its name, for example in another
// process.
func (m *Method[S, Req, Op, Result, Metadata]) Named(client Client, name string) *Handle[Result, Metadata] {
	return &Handle[Result, Metadata]{client: client, name: name}
}
