package operation_test

import (
	"context"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// values has a method that does something with a value, and one that starts an operation which does
// it with many.
type values interface {
	Take(context.Context, *structpb.Value) (*structpb.Value, error)
	BatchTake(context.Context, *structpb.ListValue) (*longrunningpb.Operation, error)
}

// valuesServer starts operations.
type valuesServer struct {
	method *operation.Method[values, structpb.ListValue, longrunningpb.Operation, structpb.Value, structpb.Struct]
	m      *operation.Manager
}

func (s valuesServer) Take(_ context.Context, v *structpb.Value) (*structpb.Value, error) {
	return v, nil
}

func (s valuesServer) BatchTake(ctx context.Context, req *structpb.ListValue) (*longrunningpb.Operation, error) {
	return s.method.Start(ctx, s.m, req)
}

// TestStartGoesByTheSingleMethod checks that a batch operation is started only by callers that may
// call the single method, and with children that it accepts.
func TestStartGoesByTheSingleMethod(t *testing.T) {
	byScope := server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		scopes := metadata.ValueFromIncomingContext(ctx, "scopes")
		return runtime.NewPrincipal("ada", scopes...), nil
	})
	short, long := structpb.NewStringValue("x"), structpb.NewStringValue(strings.Repeat("x", 100))
	for name, c := range map[string]struct {
		own   bool
		scope string
		last  *structpb.Value
		code  codes.Code
	}{
		"scope":      {false, "write", short, codes.OK},
		"no scope":   {false, "read", short, codes.PermissionDenied},
		"large":      {false, "write", long, codes.ResourceExhausted},
		"own policy": {true, "read", long, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			single := runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"write"}}, MaxRequestBytes: 50}
			many := runtime.Policy{Auth: &runtime.Auth{}, Batch: runtime.Batch{MaxSize: 5, OwnPolicy: c.own}}
			table := runtime.NewService("test.v1.Values", structpb.File_google_protobuf_struct_proto,
				runtime.Unary("Take", values.Take, single), runtime.Unary("BatchTake", values.BatchTake, many))
			s := valuesServer{
				method: operation.Of[structpb.Value, structpb.Struct](table.Methods()[1], values.BatchTake,
					operation.Fields{Children: "values", Single: "Take"}),
				m: operation.NewManager(operation.Memory(), operation.WithStartOnly()),
			}
			rows := echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[values](r, table, s) },
				server.WithAuthenticator(byScope)))
			ctx := metadata.AppendToOutgoingContext(t.Context(), "scopes", c.scope)
			req := &structpb.ListValue{Values: []*structpb.Value{short, c.last}}
			_, err := client.Unary[longrunningpb.Operation](ctx, rows[1], req)
			if status.Code(err) != c.code {
				t.Errorf("%v, want %v", err, c.code)
			}
			if c.code == codes.ResourceExhausted && !strings.Contains(err.Error(), "values[1]: ") {
				t.Errorf("%v does not name the child", err)
			}
		})
	}
}
