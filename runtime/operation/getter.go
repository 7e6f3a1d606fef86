package operation

import (
	"context"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Getter is an RPC of a service of Go type S that returns an operation by name. A service has one
// in addition to google.longrunning.Operations, or instead of it if its operations are its own
// messages.
type Getter[S, Req, Op any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) (*Op, error)
	types func() (getterTypes, error)
}

// getterTypes holds the resolved messages of a Getter.
type getterTypes struct {
	name fieldPath // in the request
	op   *shape
}

// GetterOf returns the Getter of the RPC that info describes. call is the interface's method
// expression, and name the path of the request field with the operation's name. fields names the
// fields of the operation message that differ from those of google.longrunning.Operation.
func GetterOf[S, Req, Op any](info runtime.MethodInfo, call func(S, context.Context, *Req) (*Op, error), name string, fields ...Fields) *Getter[S, Req, Op] {
	return &Getter[S, Req, Op]{info: info, call: call, types: sync.OnceValues(func() (types getterTypes, err error) {
		if types.name, err = pathIn[Req](name, isText); err != nil {
			return types, err
		}
		var said Fields
		if len(fields) > 0 {
			said = fields[0]
		}
		types.op, err = shapeIn[Op](said)
		return types, err
	})}
}

// Serve responds with an operation of the manager m. Its errors are those of [Manager.Get]: an
// operation of another principal is NOT_FOUND, and so is one of another service that does not fit
// the message.
func (g *Getter[S, Req, Op]) Serve(ctx context.Context, m *Manager, req *Req) (*Op, error) {
	types, err := g.types()
	if err != nil {
		return nil, misuse(g.info, err)
	}
	reflected, _ := reflectionOf(req)
	record, err := m.Get(ctx, types.name.text(reflected))
	if err != nil {
		return nil, err
	}
	op, err := writeAs[Op](g.info, types.op, record)
	if err != nil && !strings.HasPrefix(record.Method, "/"+g.info.Service+"/") { // its message cannot say what another service's do
		return nil, notFound(record.Name).WithCause(err)
	}
	return op, err
}

// List returns operations of the caller of ctx, as [Manager.List] does, for an RPC that lists them
// in pages. An operation of another RPC that does not fit the message is left out.
func (g *Getter[S, Req, Op]) List(ctx context.Context, m *Manager, q Query) (ops []*Op, next string, err error) {
	types, err := g.types()
	if err != nil {
		return nil, "", misuse(g.info, err)
	}
	found, next, err := m.List(ctx, q)
	for _, record := range found {
		if op, err := writeAs[Op](g.info, types.op, record); err == nil {
			ops = append(ops, op)
		}
	}
	return ops, next, err
}

// Client returns a [Client] whose Get calls the RPC of svc, and whose Cancel, Delete and Wait call
// the RPCs of actions. Without one that waits, [Handle.Wait] polls, and [Handle.Progress] does if the
// request of that one has no timeout. It has no List.
func (g *Getter[S, Req, Op]) Client(svc S, actions ...ActionOn[S]) Client {
	c := getterClient[S, Req, Op]{getter: g, svc: svc, actions: make(map[ActionKind]ActionOn[S])}
	for _, action := range actions {
		c.actions[action.kindOf()] = action
	}
	return c
}

// getterClient is a [Client] that implements Get and what its actions do.
type getterClient[S, Req, Op any] struct {
	getter  *Getter[S, Req, Op]
	svc     S
	actions map[ActionKind]ActionOn[S]
}

func (c getterClient[S, Req, Op]) Get(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	types, err := c.getter.types()
	if err != nil {
		return nil, misuse(c.getter.info, err)
	}
	req := new(Req)
	reflected, _ := reflectionOf(req)
	types.name.holder(reflected).Set(types.name.field(), protoreflect.ValueOfString(name))
	op, err := c.getter.call(c.svc, ctx, req)
	if err != nil {
		return nil, err
	}
	return readAs(c.getter.info, types.op, op)
}

func (c getterClient[S, Req, Op]) List(context.Context, *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	return nil, c.unimplemented("list")
}

func (c getterClient[S, Req, Op]) Cancel(ctx context.Context, name string) error {
	_, err := c.act(ctx, Cancels, name, 0)
	return err
}

func (c getterClient[S, Req, Op]) Delete(ctx context.Context, name string) error {
	_, err := c.act(ctx, Deletes, name, 0)
	return err
}

func (c getterClient[S, Req, Op]) Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	return c.act(ctx, Waits, name, timeout)
}

func (c getterClient[S, Req, Op]) act(ctx context.Context, kind ActionKind, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	action := c.actions[kind]
	if action == nil || kind == Waits && timeout < shortestWait && !action.takesTimeout() {
		return nil, c.unimplemented(kind.verb())
	}
	return action.callOn(ctx, c.svc, name, timeout)
}

func (c getterClient[S, Req, Op]) unimplemented(what string) error {
	return rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented,
		"%s cannot %s operations; use a client of another service", c.getter.info.FullMethod[1:], what)
}
