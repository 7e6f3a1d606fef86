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

// Client returns a [Client] whose Get calls the RPC of svc. It has no other methods:
// [Handle.Wait] polls.
func (g *Getter[S, Req, Op]) Client(svc S) Client {
	return getterClient[S, Req, Op]{getter: g, svc: svc}
}

// getterClient is a [Client] that implements only Get.
type getterClient[S, Req, Op any] struct {
	getter *Getter[S, Req, Op]
	svc    S
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

func (c getterClient[S, Req, Op]) Cancel(context.Context, string) error {
	return c.unimplemented("cancel")
}

func (c getterClient[S, Req, Op]) Delete(context.Context, string) error {
	return c.unimplemented("delete")
}

func (c getterClient[S, Req, Op]) Wait(context.Context, string, time.Duration) (*longrunningpb.Operation, error) {
	return nil, c.unimplemented("wait for")
}

func (c getterClient[S, Req, Op]) unimplemented(what string) error {
	return rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented,
		"%s cannot %s operations; use a client of another service", c.getter.info.FullMethod[1:], what)
}
