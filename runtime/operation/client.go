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

// Client asks for operations that a server keeps, by their names. [NewClient] returns that of google.longrunning.Operations,
// [Getter.Client] that of a service that answers for its operations itself. Errors are statuses; a method that the server does not
// have is UNIMPLEMENTED.
type Client interface {
	// Get returns the operation as it is, or NOT_FOUND.
	Get(ctx context.Context, name string) (*longrunningpb.Operation, error)
	// List returns a page of operations; see [All].
	List(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error)
	// Cancel asks the server to end the operation, and does not wait until it has. Of one that is done it changes nothing.
	Cancel(ctx context.Context, name string) error
	// Delete has the server forget the operation. It does not cancel it.
	Delete(ctx context.Context, name string) error
	// Wait returns the operation when it is done, or as it is after timeout. A server may answer sooner, even at once.
	Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error)
}

// NewClient returns the client of google.longrunning.Operations at the other end of conn, as [Register] and others serve it.
func NewClient(conn grpc.ClientConnInterface) Client {
	return &rpcClient{
		list:   client.Bind(conn, operationsTable.Method("ListOperations")),
		get:    client.Bind(conn, operationsTable.Method("GetOperation")),
		delete: client.Bind(conn, operationsTable.Method("DeleteOperation")),
		cancel: client.Bind(conn, operationsTable.Method("CancelOperation")),
		wait:   client.Bind(conn, operationsTable.Method("WaitOperation")),
	}
}

// Config has a connection of [client.Dial] keep the policy of google.longrunning.Operations: its calls are repeated while the
// server cannot be reached.
func Config() client.Option { return client.WithServiceConfig(operationsTable) }

// rpcClient implements [Client] with the methods of a connection.
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

// waitGrace is how much longer the call of a Wait may take than the server is asked to wait.
const waitGrace = 10 * time.Second

func (c *rpcClient) Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	ctx, cancel := context.WithTimeout(ctx, max(0, timeout)+waitGrace)
	defer cancel()
	req := &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(max(0, timeout))}
	return client.Unary[longrunningpb.Operation](ctx, c.wait, req)
}
