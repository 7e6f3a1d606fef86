package replica

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// Service is what the plugin would generate for the service of a replica.
type Service interface {
	Run(context.Context, *chaosv1.RunRequest) (*longrunningpb.Operation, error)
	PlaceOrder(context.Context, *chaosv1.OrderRequest) (*chaosv1.Order, error)
	Publish(context.Context, *chaosv1.PublishRequest) (*chaosv1.PublishResponse, error)
	Subscribe(context.Context, *chaosv1.SubscribeRequest) runtime.Stream[chaosv1.Event]
}

// tableOf returns the table of the service, whose operations have a lease.
func tableOf(lease time.Duration) *runtime.Service[Service] {
	public := &runtime.Auth{Public: true}
	return runtime.NewService("chaos.v1.ChaosService", chaosv1.File_chaos_v1_chaos_proto,
		runtime.Unary("Run", Service.Run, runtime.Policy{Auth: public, Operation: runtime.Operation{
			Lease: lease, Retain: 24 * time.Hour, OnConflict: policy.QueueOnConflict,
			MaxAttempts: 1_000_000, // each kill takes one
		}}),
		runtime.Unary("PlaceOrder", Service.PlaceOrder, runtime.Policy{
			Auth: public, IdempotencyKey: runtime.IdempotencyKey{Field: "request_id",
				Window: 24 * time.Hour},
		}),
		runtime.Unary("Publish", Service.Publish, runtime.Policy{Auth: public}),
		runtime.ServerStream("Subscribe", Service.Subscribe, runtime.Policy{Auth: public}),
	)
}

type (
	runMethod = operation.Method[Service, chaosv1.RunRequest, longrunningpb.Operation,
		chaosv1.RunResult, chaosv1.RunProgress]
	subscribeMethod = subscription.Method[Service, chaosv1.SubscribeRequest, chaosv1.Event]
)

func runOf(table *runtime.Service[Service]) *runMethod {
	return operation.Of[chaosv1.RunResult, chaosv1.RunProgress](table.Method("Run"), Service.Run,
		operation.Fields{IdempotencyKey: "request_id", ConflictKey: "account"})
}

func subscribeOf(table *runtime.Service[Service]) *subscribeMethod {
	return subscription.Of(table.Method("Subscribe"), Service.Subscribe,
		subscription.Fields{Position: "position", NextPosition: "next_position"})
}

// Subscribe is the helper of the method for clients.
var Subscribe = subscribeOf(tableOf(time.Minute))

// Client is what the plugin would generate for clients of a replica.
type Client struct{ rows []*client.Method }

// NewClient returns a client on a connection.
func NewClient(conn grpc.ClientConnInterface) Client {
	var c Client
	for _, info := range tableOf(time.Minute).Methods() {
		c.rows = append(c.rows, client.Bind(conn, info))
	}
	return c
}

// Run implements [Service].
func (c Client) Run(ctx context.Context, req *chaosv1.RunRequest) (*longrunningpb.Operation,
	error) {
	return client.Unary[longrunningpb.Operation](ctx, c.rows[0], req)
}

// PlaceOrder implements [Service].
func (c Client) PlaceOrder(ctx context.Context, req *chaosv1.OrderRequest) (*chaosv1.Order, error) {
	return client.Unary[chaosv1.Order](ctx, c.rows[1], req)
}

// Publish implements [Service].
func (c Client) Publish(ctx context.Context, req *chaosv1.PublishRequest) (*chaosv1.PublishResponse,
	error) {
	return client.Unary[chaosv1.PublishResponse](ctx, c.rows[2], req)
}

// Subscribe implements [Service].
func (c Client) Subscribe(ctx context.Context,
	req *chaosv1.SubscribeRequest) runtime.Stream[chaosv1.Event] {
	return client.ServerStream[chaosv1.Event](ctx, c.rows[3], req)
}

// The logs of a replica.
const (
	PostgresLog = "postgres"
	NATSLog     = "nats"
)

// service implements [Service].
type service struct {
	run       *runMethod
	subscribe *subscribeMethod
	ops       *operation.Manager
	effects   *effects
	logs      map[string]*eventlog.Log[chaosv1.Event]
}

func (s *service) Run(ctx context.Context, req *chaosv1.RunRequest) (*longrunningpb.Operation,
	error) {
	return s.run.Start(ctx, s.ops, req)
}

func (s *service) PlaceOrder(ctx context.Context, req *chaosv1.OrderRequest) (*chaosv1.Order,
	error) {
	return s.effects.placeOrder(ctx, req)
}

func (s *service) Publish(ctx context.Context,
	req *chaosv1.PublishRequest) (*chaosv1.PublishResponse, error) {
	log, err := s.log(req.GetLog())
	if err != nil {
		return nil, err
	}
	at, err := log.Append(ctx, &chaosv1.Event{Publisher: req.GetPublisher(),
		Number: req.GetNumber()})
	if err != nil {
		return nil, err
	}
	return &chaosv1.PublishResponse{Sequence: at.Sequence}, nil
}

func (s *service) Subscribe(ctx context.Context,
	req *chaosv1.SubscribeRequest) runtime.Stream[chaosv1.Event] {
	log, err := s.log(req.GetLog())
	if err != nil {
		return runtime.Fail[chaosv1.Event](err)
	}
	return s.subscribe.Serve(ctx, req, log, subscription.FromEarliest())
}

func (s *service) log(name string) (*eventlog.Log[chaosv1.Event], error) {
	if log := s.logs[name]; log != nil {
		return log, nil
	}
	return nil, status.Errorf(codes.NotFound, "there is no log %q", name)
}

const reasonStore rpcerr.Reason = "STORE_UNAVAILABLE"

// unavailable returns the error for a client that may retry.
func unavailable(err error) error {
	return reasonStore.Errorf(codes.Unavailable, "the store is unavailable; retry").WithCause(err)
}
