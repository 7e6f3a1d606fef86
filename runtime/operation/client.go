package operation

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime/client"
)

// Client accesses the operations of a server by name. [NewClient] returns a client of
// google.longrunning.Operations, [Getter.Client] one of a service with its own Get method. Errors
// are statuses; a method that the server does not have returns UNIMPLEMENTED.
type Client interface {
	// Get returns the current state of the operation, or NOT_FOUND.
	Get(ctx context.Context, name string) (*longrunningpb.Operation, error)
	// List returns a page of operations; see [All].
	List(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error)
	// Cancel requests that the operation ends, and does not wait for it. It has no effect on an
	// operation that is done.
	Cancel(ctx context.Context, name string) error
	// Delete removes the operation from the server. It does not cancel it.
	Delete(ctx context.Context, name string) error
	// Wait returns the operation when it is done, or its current state after timeout. A server
	// may respond earlier, even at once.
	Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error)
}

// NewClient returns a client of google.longrunning.Operations on conn. [Register] and other
// implementations serve it.
func NewClient(conn grpc.ClientConnInterface) Client {
	return &rpcClient{
		list:   client.Bind(conn, operationsTable.Method("ListOperations")),
		get:    client.Bind(conn, operationsTable.Method("GetOperation")),
		delete: client.Bind(conn, operationsTable.Method("DeleteOperation")),
		cancel: client.Bind(conn, operationsTable.Method("CancelOperation")),
		wait:   client.Bind(conn, operationsTable.Method("WaitOperation")),
	}
}

// Config returns the option that makes a connection of [client.Dial] apply the policy of
// google.longrunning.Operations: calls are retried while the server is unreachable.
func Config() client.Option { return client.WithServiceConfig(operationsTable) }

// rpcClient implements [Client] with the RPCs of a connection.
type rpcClient struct{ list, get, delete, cancel, wait *client.Method }

func (c *rpcClient) List(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	return client.Unary[longrunningpb.ListOperationsResponse](ctx, c.list, req)
}

func (c *rpcClient) Get(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	return client.Unary[longrunningpb.Operation](ctx, c.get, &longrunningpb.GetOperationRequest{Name: name})
}

func (c *rpcClient) Delete(ctx context.Context, name string) error {
	_, err := client.Unary[emptypb.Empty](ctx, c.delete, &longrunningpb.DeleteOperationRequest{Name: name})
	return err
}

func (c *rpcClient) Cancel(ctx context.Context, name string) error {
	_, err := client.Unary[emptypb.Empty](ctx, c.cancel, &longrunningpb.CancelOperationRequest{Name: name})
	return err
}

func (c *rpcClient) Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	ctx, cancel := context.WithTimeout(ctx, max(0, timeout)+waitGrace)
	defer cancel()
	req := &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(max(0, timeout))}
	return client.Unary[longrunningpb.Operation](ctx, c.wait, req)
}
