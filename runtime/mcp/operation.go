package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	operationsService = "google.longrunning.Operations"
	operationMessage  = "google.longrunning.Operation"

	// operationArgument is the argument of an operation to wait for. No proto field has the name,
	// because names of JSON have no underscores.
	operationArgument = "_operation"

	// waitStep is how long one call waits for an operation, so that its progress shows meanwhile.
	waitStep = 2 * time.Second
	// cancelTimeout is how long the cancellation of an operation may take.
	cancelTimeout = 5 * time.Second
)

// waiter waits for operations by the RPCs of google.longrunning.Operations.
type waiter struct {
	conn grpc.ClientConnInterface
}

// waiterOf returns the waiter for a server; nil if it does not serve operations.
func waiterOf(conn grpc.ClientConnInterface, of server.Status) *waiter {
	for _, service := range of.Services {
		if service.Name == operationsService {
			return &waiter{conn}
		}
	}
	return nil
}

// startsOperation reports whether an RPC starts an operation of google.longrunning.
func startsOperation(info runtime.MethodInfo) bool {
	return info.Policy.Operation.Lease != 0 && info.Descriptor.Output().FullName() == operationMessage
}

// resultOf returns the type of the results of an RPC's operations, as its options name it; nil if
// they do not, or the program does not have it.
func resultOf(info runtime.MethodInfo) protoreflect.MessageType {
	options, _ := info.Descriptor.Options().(*descriptorpb.MethodOptions)
	said, _ := proto.GetExtension(options, longrunningpb.E_OperationInfo).(*longrunningpb.OperationInfo)
	own, _ := proto.GetExtension(options, grpcservicev1.E_Method).(*grpcservicev1.Policy)
	for _, name := range []string{own.GetOperation().GetResponseType(), said.GetResponseType()} {
		if name == "" {
			continue
		}
		if !strings.Contains(name, ".") {
			name = string(info.Descriptor.ParentFile().Package()) + "." + name
		}
		if found, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name)); err == nil {
			return found
		}
	}
	return nil
}

// operationResult is what an agent receives of an operation.
type operationResult struct {
	Operation string `json:"operation"`
	Done      bool   `json:"done"`
	// Progress is what the operation states about itself while it is not done.
	Progress json.RawMessage `json:"progress,omitempty"`
	// Response is the result of an operation that is done.
	Response json.RawMessage `json:"response,omitempty"`
}

// callOperation starts an operation, or waits on for the one that an earlier call has started.
func (t *tool) callOperation(ctx context.Context, c *call) (*sdk.CallToolResult, error) {
	var op *longrunningpb.Operation
	name, err := operationNamed(c.request.Params.Arguments)
	switch {
	case err != nil:
		return nil, err
	case name != "":
		op, err = t.operations.get(ctx, name)
	default:
		op, err = t.startOperation(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	op, err = t.await(ctx, c, op)
	if err != nil {
		return nil, err
	}
	return t.resultOf(op)
}

// startOperation starts an operation. The start is not cancelled with the call, because an operation
// without a name could not be cancelled afterwards.
func (t *tool) startOperation(ctx context.Context, c *call) (*longrunningpb.Operation, error) {
	req, err := t.decode(c.request.Params.Arguments)
	if err != nil {
		return nil, err
	}
	op := &longrunningpb.Operation{}
	return op, t.conn.Invoke(context.WithoutCancel(ctx), t.info.FullMethod, req, op)
}

// operationNamed returns the operation to wait for, or "".
func operationNamed(arguments json.RawMessage) (name string, err error) {
	var said map[string]json.RawMessage
	if json.Unmarshal(arguments, &said) != nil {
		return "", nil // decode states what is wrong
	}
	value, ok := said[operationArgument]
	switch {
	case !ok:
		return "", nil
	case json.Unmarshal(value, &name) != nil || name == "":
		return "", rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument,
			"%s is not the name of an operation; pass what an earlier result has as operation", operationArgument)
	case len(said) > 1:
		return "", rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument,
			"%s waits for an operation that was started before; pass no other arguments", operationArgument)
	}
	return name, nil
}

// await waits until an operation is done, at most for the configured time, or until the server shuts
// down: another replica can wait on. If the agent cancels the call, it cancels the operation.
func (t *tool) await(ctx context.Context, c *call, op *longrunningpb.Operation) (*longrunningpb.Operation, error) {
	end := time.Now().Add(t.config.maxOperationWait)
	for !op.GetDone() {
		left := time.Until(end)
		if ctx.Err() == nil && (left <= 0 || isClosed(t.draining)) {
			return op, nil
		}
		if data := t.packed(op.GetMetadata()); data != nil {
			c.progress.notify(ctx, string(data))
		} else {
			c.progress.notify(ctx, "running")
		}
		next, err := t.operations.wait(ctx, op.GetName(), max(0, min(left, waitStep)))
		switch {
		case ctx.Err() != nil:
			t.operations.cancel(ctx, op.GetName())
			return nil, status.FromContextError(ctx.Err()).Err()
		case err != nil:
			return nil, fmt.Errorf("the operation %s: %w", op.GetName(), err)
		}
		op = next
	}
	return op, nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// resultOf returns the result of a call whose operation is done, or not.
func (t *tool) resultOf(op *longrunningpb.Operation) (*sdk.CallToolResult, error) {
	if failure := op.GetError(); failure != nil {
		return nil, status.ErrorProto(failure)
	}
	result := operationResult{Operation: op.GetName(), Done: op.GetDone()}
	if !op.GetDone() {
		result.Progress = t.packed(op.GetMetadata())
	} else if response := op.GetResponse(); response != nil {
		if t.result != nil && response.MessageName() != t.result.Descriptor().FullName() {
			return nil, rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument,
				"%s is not an operation of this tool; pass it to the tool that started it", op.GetName())
		}
		if result.Response = t.packed(response); result.Response == nil {
			return nil, status.Errorf(codes.Unimplemented, "the program does not link %s", response.MessageName())
		}
	}
	data, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	if len(data) > t.config.maxResultBytes {
		return tooLarge(len(data), t.config.maxResultBytes, false), nil
	}
	return jsonResult(data), nil
}

// packed returns a packed message as JSON; nil without one, or if the program does not link its
// type.
func (t *tool) packed(packed *anypb.Any) json.RawMessage {
	m, err := packed.UnmarshalNew()
	if err != nil {
		return nil
	}
	data, err := encode(m)
	if err != nil {
		return nil
	}
	return data
}

// get returns an operation of the caller.
func (w *waiter) get(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{}
	return op, w.conn.Invoke(ctx, "/"+operationsService+"/GetOperation", &longrunningpb.GetOperationRequest{Name: name}, op)
}

// wait returns an operation when it is done, or after some time.
func (w *waiter) wait(ctx context.Context, name string, most time.Duration) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{}
	req := &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(most)}
	return op, w.conn.Invoke(ctx, "/"+operationsService+"/WaitOperation", req, op)
}

// cancel requests the end of an operation, for a caller whose context has ended.
func (w *waiter) cancel(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	// The agent is gone: nobody receives an error, and the server has logged it.
	_ = w.conn.Invoke(ctx, "/"+operationsService+"/CancelOperation",
		&longrunningpb.CancelOperationRequest{Name: name}, &emptypb.Empty{})
}
