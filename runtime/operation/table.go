package operation

import (
	"context"
	"log/slog"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// ServiceName is the full name of the service that [Register] serves.
const ServiceName = "google.longrunning.Operations"

// operationsService is google.longrunning.Operations in the form that the runtime serves.
type operationsService interface {
	ListOperations(context.Context, *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error)
	GetOperation(context.Context, *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error)
	DeleteOperation(context.Context, *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error)
	CancelOperation(context.Context, *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error)
	WaitOperation(context.Context, *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error)
}

// longestWait is the maximum wait of WaitOperation: proxies tend to cut off calls that are silent
// for a minute.
const longestWait = 50 * time.Second

// waitGrace is how much longer the call of a Wait may take than the wait that it requests.
const waitGrace = 10 * time.Second

var operationsTable = runtime.NewService(ServiceName, longrunningpb.File_google_longrunning_operations_proto,
	runtime.Unary("ListOperations", operationsService.ListOperations, reads(runtime.Policy{
		Page: runtime.Page{
			DefaultSize: policy.DefaultPageSize, MaxSize: policy.DefaultMaxPageSize, TokenTTL: policy.DefaultPageTokenTTL,
		},
	})),
	runtime.Unary("GetOperation", operationsService.GetOperation, reads(runtime.Policy{Log: runtime.Log{Level: slog.LevelDebug}})),
	runtime.Unary("DeleteOperation", operationsService.DeleteOperation, policyOf(runtime.Policy{Idempotency: runtime.Idempotent})),
	runtime.Unary("CancelOperation", operationsService.CancelOperation, policyOf(runtime.Policy{Idempotency: runtime.Idempotent})),
	runtime.Unary("WaitOperation", operationsService.WaitOperation, reads(runtime.Policy{
		Timeout: longestWait + waitGrace, Log: runtime.Log{Level: slog.LevelDebug},
	})),
)

// policyOf admits all authenticated callers, because operations belong to their principal, and
// makes clients retry if the server is unreachable.
func policyOf(p runtime.Policy) runtime.Policy {
	p.Auth = &runtime.Auth{}
	p.Retry = runtime.Retry{
		MaxAttempts: 4, InitialBackoff: 100 * time.Millisecond, MaxBackoff: 2 * time.Second, Multiplier: 2, Codes: []string{"UNAVAILABLE"},
	}
	return p
}

// reads is policyOf for methods without side effects.
func reads(p runtime.Policy) runtime.Policy {
	p.Idempotency = runtime.NoSideEffects
	return policyOf(p)
}
