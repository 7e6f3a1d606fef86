package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxDepth is how deep JSON may be nested, in what an agent sends.
const maxDepth = 100

// tool is an RPC that agents call.
type tool struct {
	info     runtime.MethodInfo
	config   *config
	conn     grpc.ClientConnInterface
	panicked func(ctx context.Context, value any, stack []byte)
	draining <-chan struct{} // closed when the server shuts down

	input, output protoreflect.MessageType
	result        protoreflect.MessageType // of the operation; nil if it is unknown or there is none
	operations    *waiter                  // nil unless the RPC starts operations

	call func(ctx context.Context, c *call) (*sdk.CallToolResult, error)
}

// call is a call of a tool.
type call struct {
	request  *sdk.CallToolRequest
	progress progress
}

// isStream reports whether the RPC streams responses.
func (t *tool) isStream() bool { return t.info.Kind == runtime.KindServerStream }

// describe returns what agents see of the tool.
func (t *tool) describe() *sdk.Tool {
	tool := &sdk.Tool{
		Name:        t.info.Policy.Tool.Name,
		Description: t.description(),
		InputSchema: t.inputSchema(),
		Annotations: annotations(t.info.Policy),
	}
	if schema := t.outputSchema(); schema != nil {
		tool.OutputSchema = schema
	}
	return tool
}

// description returns what agents read about the tool.
func (t *tool) description() string {
	text := cmp.Or(t.info.Policy.Tool.Description, t.info.Comments[t.info.Service+"."+t.info.Name],
		"Calls "+t.info.FullMethod[1:]+".")
	if t.info.Policy.Page.MaxSize > 0 {
		text += "\n\nA call returns one page. Pass its token in the next call for the next page."
	}
	switch {
	case t.isStream():
		text += fmt.Sprintf("\n\nThe result has at most %d messages of the stream, and those of at most %v.",
			t.config.maxMessages, t.config.maxStreamTime)
	case t.operations != nil:
		text += fmt.Sprintf("\n\nIt starts an operation and waits for it, at most %v. If the result is not done, "+
			"call the tool again with nothing but %s, to wait on.", t.config.maxOperationWait, operationArgument)
	}
	return text
}

// serve calls the RPC. Its errors are results that agents can read.
func (t *tool) serve(ctx context.Context, req *sdk.CallToolRequest) (result *sdk.CallToolResult, _ error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			t.panicked(ctx, value, debug.Stack())
			result = errorResult(rpcerr.Internal(fmt.Sprint(value)))
		}
	}()
	of := ctx.Value(requestKey{}).(*request) // of Tools.ServeHTTP or Tools.Serve
	defer context.AfterFunc(of.done, cancel)()
	ctx = metadata.NewOutgoingContext(ctx, of.metadata)
	c := &call{request: req, progress: progressOf(req)}
	if result, err := t.call(ctx, c); err == nil {
		return result, nil
	} else {
		return errorResult(err), nil
	}
}

// callUnary calls a unary RPC.
func (t *tool) callUnary(ctx context.Context, c *call) (*sdk.CallToolResult, error) {
	req, err := t.decode(c.request.Params.Arguments)
	if err != nil {
		return nil, err
	}
	resp := t.output.New().Interface()
	if err := t.conn.Invoke(ctx, t.info.FullMethod, req, resp); err != nil {
		return nil, err
	}
	data, err := encode(resp)
	if err != nil {
		return nil, err
	}
	if len(data) > t.config.maxResultBytes {
		return tooLarge(len(data), t.config.maxResultBytes, t.info.Policy.Page.MaxSize > 0), nil
	}
	return jsonResult(data), nil
}

// decode decodes the arguments of a call.
func (t *tool) decode(arguments json.RawMessage) (proto.Message, error) {
	req := t.input.New()
	if err := decode(arguments, req.Interface()); err != nil {
		return nil, err
	}
	if key := t.info.Policy.IdempotencyKey; key.Required {
		field := req.Descriptor().Fields().ByName(protoreflect.Name(key.Field))
		if field != nil && field.Kind() == protoreflect.StringKind && !field.IsList() && req.Get(field).String() == "" {
			req.Set(field, protoreflect.ValueOfString(uuid.New())) // each call of a tool is a new one
		}
	}
	return req.Interface(), nil
}

// decode decodes arguments into a message. Without arguments, the message is empty.
func decode(arguments json.RawMessage, into proto.Message) error {
	if len(bytes.TrimSpace(arguments)) == 0 || string(bytes.TrimSpace(arguments)) == "null" {
		return nil
	}
	if err := checkDepth(arguments); err != nil {
		return rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument, "the arguments: %v", err)
	}
	// Required fields of proto2 are left to the pipeline.
	options := protojson.UnmarshalOptions{AllowPartial: true, RecursionLimit: maxDepth}
	if err := options.Unmarshal(arguments, into); err != nil {
		return rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument, "the arguments are not a %s: %s",
			into.ProtoReflect().Descriptor().FullName(), jsonFault(err))
	}
	return nil
}

// encode encodes a message as JSON with the names of the proto, and with zero values, because "not
// set" and "none" are the same to an agent.
func encode(m proto.Message) ([]byte, error) {
	options := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true, AllowPartial: true}
	data, err := options.Marshal(m)
	if err != nil {
		return nil, rpcerr.Internal("the response as JSON: " + err.Error())
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, rpcerr.Internal("the response as JSON: " + err.Error())
	}
	return compact.Bytes(), nil
}

// checkDepth returns an error if JSON is nested too deep. It need not be valid otherwise.
func checkDepth(data []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return errTooDeep
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

var errTooDeep = errors.New("the JSON is nested more than 100 levels deep; send a flatter one")

// typeOf returns the Go type of a message, or a dynamic one if the program has none.
func typeOf(desc protoreflect.MessageDescriptor) protoreflect.MessageType {
	if found, err := protoregistry.GlobalTypes.FindMessageByName(desc.FullName()); err == nil {
		return found
	}
	return dynamicpb.NewMessageType(desc)
}
