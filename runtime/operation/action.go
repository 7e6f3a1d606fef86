package operation

import (
	"context"
	"errors"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime"
)

// ActionKind is what an [Action] does.
type ActionKind int

// The kinds of actions. Cancels requests that an operation ends, Deletes removes it, as
// [Manager.Cancel] and [Manager.Delete] do, and Waits responds when it is done, or with its current
// state as WaitOperation does.
const (
	Cancels ActionKind = iota + 1
	Deletes
	Waits
)

// verb completes the sentence "cannot ... operations".
func (k ActionKind) verb() string {
	return map[ActionKind]string{Cancels: "cancel", Deletes: "delete", Waits: "wait for"}[k]
}

// Action is an RPC of a service of Go type S that cancels an operation, deletes it, or waits for it.
// Its response is the operation or a message without fields. A service has it in addition to
// google.longrunning.Operations, or instead of it if its operations are its own messages.
type Action[S, Req, Resp any] struct {
	info  runtime.MethodInfo
	call  func(S, context.Context, *Req) (*Resp, error)
	kind  ActionKind
	types func() (actionTypes, error)
}

// actionTypes holds the resolved messages of an Action.
type actionTypes struct {
	name, timeout fieldPath // in the request
	op            *shape    // nil if the response is not an operation
}

// ActionOn is an [Action] on a service of Go type S, for [Getter.Client]. Only this package
// implements it.
type ActionOn[S any] interface {
	kindOf() ActionKind
	takesTimeout() bool
	callOn(ctx context.Context, svc S, name string, timeout time.Duration) (*longrunningpb.Operation, error)
}

// ActionOf returns the Action of the RPC that info describes. call is the interface's method
// expression, and name the path of the request field with the operation's name. An RPC that waits
// may have a field timeout in its request, a google.protobuf.Duration. fields names the fields of
// the response, if it is an operation, that differ from those of google.longrunning.Operation.
func ActionOf[S, Req, Resp any](
	info runtime.MethodInfo, call func(S, context.Context, *Req) (*Resp, error), kind ActionKind, name string, fields ...Fields,
) *Action[S, Req, Resp] {
	return &Action[S, Req, Resp]{info: info, call: call, kind: kind, types: sync.OnceValues(func() (types actionTypes, err error) {
		if types.name, err = pathIn[Req](name, isText); err != nil {
			return types, err
		}
		if kind == Waits {
			types.timeout, _ = pathIn[Req]("timeout", isDuration) // optional
		}
		var said Fields
		if len(fields) > 0 {
			said = fields[0]
		}
		if types.op, err = shapeIn[Resp](said); err != nil && kind != Waits && len(fields) == 0 {
			types.op, err = nil, nil
		}
		return types, err
	})}
}

// Serve does to an operation of the manager m what the RPC is for. Its errors are those of
// [Manager.Get].
func (a *Action[S, Req, Resp]) Serve(ctx context.Context, m *Manager, req *Req) (*Resp, error) {
	types, err := a.types()
	if err != nil {
		return nil, misuse(a.info, err)
	}
	if req == nil {
		req = new(Req)
	}
	reflected, err := reflectionOf(req)
	if err != nil {
		return nil, misuse(a.info, err)
	}
	record, err := a.do(ctx, m, types, reflected)
	if err != nil {
		return nil, err
	}
	if types.op == nil {
		return new(Resp), nil
	}
	return writeAs[Resp](a.info, types.op, record)
}

// do does it, and returns the operation.
func (a *Action[S, Req, Resp]) do(ctx context.Context, m *Manager, types actionTypes, req protoreflect.Message) (*Record, error) {
	name := types.name.text(req)
	switch a.kind {
	case Cancels:
		return m.Cancel(ctx, name)
	case Deletes:
		record, err := m.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		return record, m.Delete(ctx, name)
	case Waits:
		limit := longestWait
		if value, ok := types.timeout.get(req); ok {
			timeout := &durationpb.Duration{}
			if transfer(timeout.ProtoReflect(), value.Message().Interface()) != nil || timeout.CheckValid() != nil || timeout.AsDuration() < 0 {
				return nil, wrongTimeout("timeout")
			}
			limit = min(limit, timeout.AsDuration())
		}
		return m.waitFor(ctx, name, limit)
	}
	return nil, misuse(a.info, errors.New("an action of an unknown kind"))
}

func (a *Action[S, Req, Resp]) kindOf() ActionKind { return a.kind }

// takesTimeout reports whether the request states how long to wait.
func (a *Action[S, Req, Resp]) takesTimeout() bool {
	types, err := a.types()
	return err != nil || len(types.timeout) > 0
}

// shortestWait is the shortest wait that an RPC without a timeout is called for: the server then
// waits until the deadline is near, and a short one leaves it no time to respond.
const shortestWait = 10 * time.Second

// callOn calls the RPC. It returns nil if the response is not an operation.
func (a *Action[S, Req, Resp]) callOn(ctx context.Context, svc S, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	types, err := a.types()
	if err != nil {
		return nil, misuse(a.info, err)
	}
	req := new(Req)
	reflected, err := reflectionOf(req)
	if err != nil {
		return nil, misuse(a.info, err)
	}
	types.name.holder(reflected).Set(types.name.field(), protoreflect.ValueOfString(name))
	if a.kind == Waits {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(0, timeout)+waitGrace)
		defer cancel()
		if len(types.timeout) > 0 {
			if err := setDuration(types.timeout, reflected, max(0, timeout)); err != nil {
				return nil, misuse(a.info, err)
			}
		}
	}
	resp, err := a.call(svc, ctx, req)
	if err != nil || types.op == nil {
		return nil, err
	}
	return readAs(a.info, types.op, resp)
}

const durationName protoreflect.FullName = "google.protobuf.Duration"

func isDuration(f protoreflect.FieldDescriptor) bool {
	return isMessage(f) && f.Message().FullName() == durationName
}

// setDuration sets a Duration field.
func setDuration(path fieldPath, to protoreflect.Message, d time.Duration) error {
	var value proto.Message = durationpb.New(d)
	return transfer(path.holder(to).Mutable(path.field()).Message(), value)
}
