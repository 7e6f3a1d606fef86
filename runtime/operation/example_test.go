package operation_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// adder and what follows stand for generated code: a service whose RPC Add returns an operation.
type adder interface {
	Add(context.Context, *wrapperspb.Int64Value) (*longrunningpb.Operation, error)
}

var adderTable = runtime.NewService("example.v1.Adder", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("Add", adder.Add, runtime.Policy{
		Auth:      &runtime.Auth{Public: true},
		Operation: runtime.Operation{Lease: time.Minute, Retain: time.Hour, MaxAttempts: 3},
	}),
)

var adderAdd = operation.Of[wrapperspb.Int64Value, wrapperspb.Int64Value](adderTable.Method("Add"), adder.Add, operation.Fields{})

type adderClient struct{ add *client.Method }

func (c adderClient) Add(ctx context.Context, req *wrapperspb.Int64Value) (*longrunningpb.Operation, error) {
	return client.Unary[longrunningpb.Operation](ctx, c.add, req)
}

// adding implements adder: the call starts an operation, and a worker runs it.
type adding struct{ ops *operation.Manager }

func (a adding) Add(ctx context.Context, req *wrapperspb.Int64Value) (*longrunningpb.Operation, error) {
	return adderAdd.Start(ctx, a.ops, req)
}

// work adds up the numbers to that of the request. It saves after each, so that another worker can
// continue there.
func work(ctx context.Context, run *operation.Run[wrapperspb.Int64Value, wrapperspb.Int64Value]) (*wrapperspb.Int64Value, error) {
	var state struct{ Next, Sum int64 }
	if _, err := run.Checkpoint(&state); err != nil {
		return nil, err
	}
	for ; state.Next <= run.Request().GetValue(); state.Next++ {
		state.Sum += state.Next
		if err := run.Save(ctx, state, func(m *wrapperspb.Int64Value) { m.Value = state.Next }); err != nil {
			return nil, err
		}
	}
	return wrapperspb.Int64(state.Sum), nil
}

// A long-running operation: its server with a worker, and a client that waits for it.
func Example() {
	ops := operation.NewManager(operation.Memory(), operation.WithLogger(slog.New(slog.DiscardHandler)))
	adderAdd.Handle(ops, work)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithoutAuthentication())
	server.Register[adder](srv, adderTable, adding{ops})
	operation.Register(srv, ops) // google.longrunning.Operations, and the worker

	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), operation.Config(), client.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	svc := adderClient{client.Bind(conn, adderTable.Method("Add"))}
	op, err := adderAdd.Call(ctx, svc, operation.NewClient(conn), wrapperspb.Int64(4))
	if err != nil {
		log.Fatal(err)
	}
	sum, err := op.Wait(ctx)
	fmt.Println(sum.GetValue(), err)

	stop()
	fmt.Println(<-stopped)
	// Output:
	// 10 <nil>
	// <nil>
}
