package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// rejectAll is a validator for which no request is valid.
type rejectAll struct{}

func (rejectAll) Bind(runtime.MethodInfo, protoreflect.MessageDescriptor) (server.ValidateFunc, error) {
	return func(context.Context, proto.Message) error { return errors.New("invalid") }, nil
}

// panicAtAll is a validator that panics.
type panicAtAll struct{}

func (panicAtAll) Bind(runtime.MethodInfo, protoreflect.MessageDescriptor) (server.ValidateFunc, error) {
	return func(context.Context, proto.Message) error { panic("validator") }, nil
}

// TestOutcomesNameTheStep checks that observers learn which step has rejected a call, for all kinds
// of RPC.
func TestOutcomesNameTheStep(t *testing.T) {
	rejected := status.Error(codes.FailedPrecondition, "rejected")
	once := runtime.Rate{PerSecond: 1e-9, Burst: 1, Key: runtime.ByMethod}
	for step, test := range map[string]struct {
		policy runtime.Policy
		opts   []server.Option
		calls  int // the last of them is checked
		method func(context.Context) error
		want   string
	}{
		"":                          {method: func(context.Context) error { return rejected }},
		"panic":                     {method: func(context.Context) error { panic("method") }},
		"authenticate":              {opts: []server.Option{server.WithAuthenticator(failing)}, policy: runtime.Policy{Auth: &runtime.Auth{}}, want: "authenticate"},
		"authenticator that panics": {opts: []server.Option{server.WithAuthenticator(panicking)}, policy: runtime.Policy{Auth: &runtime.Auth{}}, want: "authenticate"},
		"validator that panics":     {policy: runtime.Policy{Validate: true}, opts: []server.Option{server.WithValidator(panicAtAll{})}, want: "validator"},
		"decode":                    {opts: []server.Option{server.WithGRPCOptions(grpc.MaxRecvMsgSize(1))}, want: "decode"},
		"authorize": {opts: []server.Option{server.WithAuthenticator(known)},
			policy: runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"write"}}}, want: "authorize"},
		"rates":      {policy: runtime.Policy{Rates: []runtime.Rate{once}}, calls: 2, want: "rates"},
		"peer rates": {policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1e-9, Burst: 1, Key: runtime.ByPeer}}}, calls: 2, want: "peer rates"},
		"size":       {policy: runtime.Policy{MaxRequestBytes: 1}, want: "size"},
		"validator":  {policy: runtime.Policy{Validate: true}, opts: []server.Option{server.WithValidator(rejectAll{})}, want: "validator"},
		"interceptors": {want: "interceptors", opts: []server.Option{
			server.WithUnaryInterceptors(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
				return nil, rejected
			}),
			server.WithStreamInterceptors(func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error { return rejected }),
		}},
		"interceptors that pass": {method: func(context.Context) error { return rejected }, opts: []server.Option{
			server.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				return next(ctx, req)
			}),
			server.WithStreamInterceptors(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
				return next(srv, ss)
			}),
		}},
	} {
		t.Run(step, func(t *testing.T) {
			seen := make(outcomes, 1)
			method := test.method
			if method == nil {
				method = func(context.Context) error { return nil }
			}
			srv := echotest.StartServer(t, func(s *server.Server) {
				server.Register[echotest.Service](s, echotest.TableWith(test.policy), echotest.Behaving(method))
			}, append(test.opts, server.WithObservers(seen))...)
			for kind, call := range echotest.Kinds {
				var err error
				var got runtime.Outcome
				for range max(test.calls, 1) {
					ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "authorization", "Bearer x")
					err = call(ctx, srv.Conn)
					got = echotest.Within(t, seen)
				}
				if err == nil || got.Err == nil || got.Step != test.want {
					t.Errorf("%s: the call returned %v; the outcome is %+v", kind, err, got)
				}
			}
		})
	}
}

var (
	failing   = server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, errors.New("bad") })
	panicking = server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { panic("authenticator") })
	known     = server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return runtime.NewPrincipal("ann"), nil })
)

// TestSuccessHasNoStep checks that a call that succeeds has been rejected by no step.
func TestSuccessHasNoStep(t *testing.T) {
	seen := make(outcomes, 1)
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { return nil }), server.WithObservers(seen),
		server.WithUnaryInterceptors(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return new(echotest.Text), nil
		}))
	for kind, call := range echotest.Kinds {
		err := call(echotest.Context(t), srv.Conn)
		if got := echotest.Within(t, seen); err != nil || got.Step != "" || got.Duration <= 0 || got.Duration > time.Minute {
			t.Errorf("%s: %v, %+v", kind, err, got)
		}
	}
}

// garbage is a codec that sends what no message is encoded as.
type garbage struct{ name string }

func (g garbage) Name() string              { return g.name }
func (garbage) Marshal(any) ([]byte, error) { return []byte{0xff, 0xff}, nil }
func (garbage) Unmarshal([]byte, any) error { return nil }

// TestUndecodableRequestsHaveAStep sends what cannot be decoded, in an encoding that the server has
// and in one that it has not.
func TestUndecodableRequestsHaveAStep(t *testing.T) {
	seen := make(outcomes, 1)
	srv := echotest.Start(t, echotest.Behaving(succeed), server.WithObservers(seen))
	for _, codec := range []encoding.Codec{garbage{"proto"}, garbage{"none"}} {
		for kind := range echotest.Kinds {
			desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
			stream, err := srv.Conn.NewStream(echotest.Context(t), desc, "/test.v1.Echo/"+kind, grpc.ForceCodec(codec))
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.SendMsg(new(text)); err != nil {
				t.Fatal(err)
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if err := stream.RecvMsg(new(text)); err == nil {
				t.Errorf("%s succeeds", kind)
			}
			if got := echotest.Within(t, seen); got.Step != "decode" {
				t.Errorf("%s: %+v", kind, got)
			}
		}
	}
}
