package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// listenEcho serves impl on a port of its own until the test ends.
func listenEcho(t *testing.T, impl echotest.Service) (srv *server.Server, addr string) {
	t.Helper()
	srv = server.New(server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	return srv, echotest.ListenAndServe(t, srv)
}

// answer is a method that answers with the server's name.
func answer(name string) echotest.Funcs {
	return echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) { return wrapperspb.String(name), nil }}
}

func TestServiceConfigOfDial(t *testing.T) {
	servicetest.NoLeaks(t)
	var calls atomic.Int64
	_, addr := listenEcho(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
		if n := calls.Add(1); n < 3 {
			return nil, status.Error(codes.Unavailable, "not yet")
		}
		return wrapperspb.String(fmt.Sprint(metadata.ValueFromIncomingContext(ctx, "grpc-previous-rpc-attempts"))), nil
	}})
	for name, test := range map[string]struct {
		opts  []client.Option
		code  codes.Code
		calls int64
	}{
		"without the services": {nil, codes.Unavailable, 1},
		"with retries":         {[]client.Option{client.WithServiceConfig(echotest.TableWith(echotest.RetryQuickly))}, codes.OK, 3},
		"overridden": {[]client.Option{client.WithServiceConfig(echotest.TableWith(echotest.RetryQuickly)),
			client.WithDialOptions(grpc.WithDefaultServiceConfig("{}"))}, codes.Unavailable, 1},
	} {
		calls.Store(0)
		conn := echotest.DialAll(t, []string{addr}, test.opts...)
		resp, err := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}.One(echotest.Context(t), &text{})
		if status.Code(err) != test.code || calls.Load() != test.calls || err == nil && resp.GetValue() != "[2]" {
			t.Errorf("%s: %v, %v after %d calls; want %v after %d", name, resp, err, calls.Load(), test.code, test.calls)
		}
	}
}

// TestRetriesAreThrottled counts the attempts of ten calls to a server that rejects all: 3, then 2,
// then 1 each, since half of the ten tokens are gone.
func TestRetriesAreThrottled(t *testing.T) {
	servicetest.NoLeaks(t)
	var attempts atomic.Int64
	_, addr := listenEcho(t, echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) {
		attempts.Add(1)
		return nil, status.Error(codes.Unavailable, "down")
	}})
	table := echotest.TableWith(echotest.RetryQuickly)
	stub := echotest.Client{Rows: echotest.RowsOf(table, echotest.DialAll(t, []string{addr}, client.WithServiceConfig(table)))}
	for range 10 {
		if _, err := stub.One(echotest.Context(t), &text{}); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if got := attempts.Load(); got != 3+2+8 {
		t.Errorf("%d attempts of 10 calls, want 13", got)
	}
}

// TestServersWithoutHealthGetCalls checks that the health check does not lock out a server of
// grpc's own.
func TestServersWithoutHealthGetCalls(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := grpc.NewServer()
	server.Register[echotest.Service](srv, echotest.Table, answer("plain"))
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(lis) // ends with Stop
	t.Cleanup(srv.Stop)
	conn := echotest.DialAll(t, []string{lis.Addr().String()}, client.WithServiceConfig(echotest.Table), client.WithHealthChecks())
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	if resp, err := stub.One(echotest.Context(t), &text{}); err != nil || resp.GetValue() != "plain" {
		t.Errorf("got %v, %v", resp, err)
	}
}

// noHealth is a health service that refuses to answer.
type noHealth struct {
	healthpb.UnimplementedHealthServer
}

func (noHealth) Watch(*healthpb.HealthCheckRequest, healthpb.Health_WatchServer) error {
	return status.Error(codes.Unauthenticated, "who are you")
}

// TestPoliciesNeedNoHealth checks that a connection asks no health service because of the policies
// that it is given: a server that rejects the question gets calls.
func TestPoliciesNeedNoHealth(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := grpc.NewServer()
	server.Register[echotest.Service](srv, echotest.Table, answer("plain"))
	healthpb.RegisterHealthServer(srv, noHealth{})
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(lis) // ends with Stop
	t.Cleanup(srv.Stop)
	policies := client.WithServiceConfig(echotest.Table)
	for code, opts := range map[codes.Code][]client.Option{
		codes.OK: {policies}, codes.Unavailable: {policies, client.WithHealthChecks()},
	} {
		stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.DialAll(t, []string{lis.Addr().String()}, opts...))}
		if _, err := stub.One(echotest.Context(t), &text{}); status.Code(err) != code {
			t.Errorf("got %v, want %v", err, code)
		}
	}
}

// testService is a part of grpc's own test service, whose stock client the tests use.
type testService interface {
	EmptyCall(context.Context, *grpc_testing.Empty) (*grpc_testing.Empty, error)
	UnaryCall(context.Context, *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error)
}

var testServiceTable = runtime.NewService("grpc.testing.TestService", grpc_testing.File_grpc_testing_test_proto,
	runtime.Unary("EmptyCall", testService.EmptyCall, echotest.RetryQuickly),
	runtime.Unary("UnaryCall", testService.UnaryCall, runtime.Policy{Timeout: time.Minute}),
)

// flaky fails two calls of three.
type flaky struct{ calls atomic.Int64 }

func (f *flaky) EmptyCall(context.Context, *grpc_testing.Empty) (*grpc_testing.Empty, error) {
	if f.calls.Add(1)%3 != 0 {
		return nil, status.Error(codes.Unavailable, "not now")
	}
	return &grpc_testing.Empty{}, nil
}

func (f *flaky) UnaryCall(ctx context.Context, _ *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	f.calls.Add(1)
	left := time.Hour
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	if left > time.Minute {
		return nil, status.Errorf(codes.FailedPrecondition, "the deadline is in %v", left)
	}
	return nil, status.Error(codes.Unavailable, "never")
}

// TestStockClientsUseTheJSON has a client of protoc-gen-go-grpc retry by the policies in the proto,
// where they say so.
func TestStockClientsUseTheJSON(t *testing.T) {
	servicetest.NoLeaks(t)
	impl := new(flaky)
	srv := server.New(server.WithDrainDelay(0))
	server.Register[testService](srv, testServiceTable, impl)
	addr := echotest.ListenAndServe(t, srv)
	config, err := client.ServiceConfigJSON(client.WithServiceConfig(testServiceTable))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stub := grpc_testing.NewTestServiceClient(conn)
	if _, err := stub.EmptyCall(context.Background(), &grpc_testing.Empty{}); err != nil || impl.calls.Load() != 3 {
		t.Errorf("EmptyCall: %v after %d calls", err, impl.calls.Load())
	}
	if _, err := stub.UnaryCall(context.Background(), &grpc_testing.SimpleRequest{}); status.Code(err) != codes.Unavailable || impl.calls.Load() != 4 {
		t.Errorf("UnaryCall: %v after %d calls", err, impl.calls.Load())
	}
}

// hedgedPolicy is a policy that a service config for others spells out, and ours leaves to the
// client.
var hedgedPolicy = runtime.Policy{Timeout: 1500 * time.Millisecond,
	Hedging: runtime.Hedging{MaxAttempts: 2, Delay: 250 * time.Millisecond, NonFatalCodes: []string{"UNAVAILABLE"}}}

func TestServiceConfigJSON(t *testing.T) {
	got, err := client.ServiceConfigJSON(client.WithServiceConfig(runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto,
		runtime.Unary("One", echotest.Service.One, hedgedPolicy),
		runtime.ServerStream("Many", echotest.Service.Many, runtime.Policy{TotalTimeout: time.Hour, Timeout: time.Second}),
		runtime.ClientStream("Join", echotest.Service.Join, runtime.Policy{TotalTimeout: runtime.None}))),
		client.WithServiceConfig(runtime.NewService("test.v1.Other", wrapperspb.File_google_protobuf_wrappers_proto,
			runtime.Unary("One", echotest.Service.One, runtime.Policy{Timeout: time.Second, MaxTimeout: time.Minute, Retry: echotest.RetryQuickly.Retry}))),
		client.WithHealthChecks())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, `{
		"loadBalancingConfig": [{"round_robin": {}}],
		"healthCheckConfig": {"serviceName": ""},
		"methodConfig": [
			{"name": [{"service": "test.v1.Echo", "method": "One"}], "timeout": "1.500s",
				"hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0.250s", "nonFatalStatusCodes": ["UNAVAILABLE"]}},
			{"name": [{"service": "test.v1.Echo", "method": "Many"}], "timeout": "3600s"},
			{"name": [{"service": "test.v1.Other", "method": "One"}], "timeout": "60s",
				"retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
					"retryableStatusCodes": ["UNAVAILABLE"]}}
		],
		"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
	}`), object(t, got)); diff != "" {
		t.Error(diff)
	}
}

func object(t *testing.T, text string) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestServiceConfigRejects(t *testing.T) {
	servicetest.NoLeaks(t)
	with := func(change func(*runtime.Policy)) client.Option {
		policy := echotest.RetryQuickly
		change(&policy)
		return client.WithServiceConfig(runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto,
			runtime.Unary("One", echotest.Service.One, policy)))
	}
	for want, opts := range map[string][]client.Option{
		"WithServiceConfig: test.v1.Echo is passed twice; pass each service once": {client.WithServiceConfig(echotest.Table), client.WithServiceConfig(echotest.Table)},
		"WithServiceConfig(nil): pass a service's table":                          {client.WithServiceConfig[echotest.Service](nil)},
		"WithServiceConfig: test.v1.Echo/One: Retry.MaxAttempts: 6 is out of range; want 2 to 5": {
			with(func(p *runtime.Policy) { p.Retry.MaxAttempts = 6 })},
		"WithServiceConfig: test.v1.Echo/One: the InitialBackoff 0s, MaxBackoff 1ms and Multiplier 1 of Retry must be above 0": {
			with(func(p *runtime.Policy) { p.Retry.InitialBackoff = 0 })},
		`WithServiceConfig: test.v1.Echo/One: Retry.Codes: "Unavailable" is not the status code of an error; spell it as in "UNAVAILABLE"`: {
			with(func(p *runtime.Policy) { p.Retry.Codes = []string{"Unavailable"} })},
		`WithServiceConfig: test.v1.Echo/One: Retry.Codes is empty; list the codes to retry`: {
			with(func(p *runtime.Policy) { p.Retry.Codes = nil })},
		`WithServiceConfig: test.v1.Echo/One: Hedging.Delay: -1ns is negative`: {
			with(func(p *runtime.Policy) {
				p.Retry, p.Hedging = runtime.Retry{}, runtime.Hedging{MaxAttempts: 2, Delay: -1}
			})},
		`WithServiceConfig: test.v1.Echo/One: a method has Retry or Hedging, not both (gRFC A6)`: {
			with(func(p *runtime.Policy) { p.Hedging = runtime.Hedging{MaxAttempts: 2} })},
	} {
		conn, err := client.Dial("localhost:1", append(opts, client.WithInsecure())...)
		if err == nil {
			conn.Close()
		}
		if want := `cannot dial "localhost:1": ` + want; err == nil || err.Error() != want {
			t.Errorf("Dial: got %v\nwant %s", err, want)
		}
		if _, err := client.ServiceConfigJSON(opts...); err == nil || err.Error() != want {
			t.Errorf("ServiceConfigJSON: got %v\nwant %s", err, want)
		}
	}
}

// TestHedgedCallsOverTwoServers has the first attempt of each call hang. The other server answers,
// and the first one sees its call canceled before the client's call returns.
func TestHedgedCallsOverTwoServers(t *testing.T) {
	servicetest.NoLeaks(t)
	hung, canceled := make(chan string, 10), make(chan error, 10)
	serve := func(name string) string {
		_, addr := listenEcho(t, echotest.Funcs{
			OneFunc: func(ctx context.Context, _ *text) (*text, error) {
				if len(metadata.ValueFromIncomingContext(ctx, "grpc-previous-rpc-attempts")) > 0 {
					// Not before the first attempt hangs, or it may be canceled before it has come to its server.
					select {
					case first := <-hung:
						_ = grpc.SetTrailer(ctx, metadata.Pairs("server", name, "hung", first))
						return wrapperspb.String(name), nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				hung <- name
				<-ctx.Done()
				canceled <- ctx.Err()
				return nil, ctx.Err()
			},
			JoinFunc: func(context.Context, runtime.Stream[text]) (*text, error) { return wrapperspb.String(name), nil },
		})
		return addr
	}
	table := echotest.TableWith(hedgeAfter(time.Millisecond, 2))
	stub := echotest.Client{Rows: echotest.RowsOf(table, echotest.DialAll(t, []string{serve("a"), serve("b")}, client.WithServiceConfig(table)))}
	awaitBoth(t, stub)
	for range 4 {
		var trailer metadata.MD
		resp, err := stub.One(client.WithCallOptions(echotest.Context(t), grpc.Trailer(&trailer)), wrapperspb.String("request"))
		if err != nil {
			t.Fatal(err)
		}
		first := strings.Join(trailer.Get("hung"), ",")
		if resp.GetValue() == first || !slices.Equal(trailer.Get("server"), []string{resp.GetValue()}) {
			t.Errorf("server %s hung, %s answered, the trailer says %v", first, resp.GetValue(), trailer.Get("server"))
		}
		if err := echotest.Within(t, canceled); err != context.Canceled {
			t.Errorf("the attempt that hung ended with %v", err)
		}
	}
}

// awaitBoth calls until both servers have answered: round robin goes over those that are connected.
func awaitBoth(t *testing.T, stub echotest.Service) {
	t.Helper()
	seen := make(map[string]bool)
	for ctx := echotest.Context(t); len(seen) < 2; {
		resp, err := stub.Join(ctx, echotest.Texts())
		if err != nil {
			t.Fatal(err)
		}
		seen[resp.GetValue()] = true
	}
}

// TestPushbackOfAServerStopsHedging checks that a server's pushback stops hedging over the network
// too.
func TestPushbackOfAServerStopsHedging(t *testing.T) {
	servicetest.NoLeaks(t)
	var calls atomic.Int64
	_, addr := listenEcho(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
		calls.Add(1)
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "-1"))
		return nil, status.Error(codes.Unavailable, "go away")
	}})
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(time.Hour, 5)), echotest.DialAll(t, []string{addr}))}
	if _, err := stub.One(echotest.Context(t), &text{}); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "go away") || calls.Load() != 1 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}
