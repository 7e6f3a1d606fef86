package server_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// serverWide are interceptors of both kinds that call around, which calls the handler.
func serverWide(around func(ctx context.Context, method string, next func(context.Context) error) error) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
			err = around(ctx, info.FullMethod, func(ctx context.Context) error {
				resp, err = handler(ctx, req)
				return err
			})
			return resp, err
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return around(ss.Context(), info.FullMethod, func(ctx context.Context) error {
				return handler(srv, withContext{ss, ctx})
			})
		}),
	}
}

type withContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s withContext) Context() context.Context { return s.ctx }

// ada is an authenticator for which every caller is ada.
var ada = server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return runtime.NewPrincipal("ada"), nil })

// TestServerWideInterceptorsSeeTheSameOfEachKind checks that an interceptor of the server sees what
// the caller gets.
func TestServerWideInterceptorsSeeTheSameOfEachKind(t *testing.T) {
	for host, open := range hosts {
		for name, test := range map[string]struct {
			do   func(context.Context) error
			opts []server.Option
			want codes.Code
			text string
		}{
			"success":     {func(context.Context) error { return nil }, nil, codes.OK, ""},
			"plain error": {func(context.Context) error { return errors.New("secret") }, nil, codes.Unknown, "unknown error"},
			"panic":       {func(context.Context) error { panic("secret") }, nil, codes.Internal, "internal error"},
			"status":      {func(context.Context) error { return status.Error(codes.Aborted, "told") }, nil, codes.Aborted, "told"},
			"rejection": {func(context.Context) error { return nil },
				[]server.Option{server.WithAuthenticator(ada)}, codes.PermissionDenied, "no policy authorizes calls of the method"},
		} {
			var mu sync.Mutex
			seen := map[string]error{}
			conn := open(t, allStock{do: test.do}, serverWide(func(ctx context.Context, method string, next func(context.Context) error) error {
				if _, ok := runtime.CallFromContext(ctx); ok {
					t.Errorf("%s, %s, %s: the interceptor runs inside the call", host, name, method)
				}
				err := next(ctx)
				mu.Lock()
				defer mu.Unlock()
				seen[method] = err
				return err
			}), test.opts...)
			for kind, call := range stockKinds {
				got := call(echotest.Context(t), conn)
				mu.Lock()
				err, ok := seen["/grpc.testing.TestService/"+kind]
				mu.Unlock()
				if !ok {
					t.Errorf("%s, %s, %s: the interceptor was not called", host, name, kind)
				}
				for who, err := range map[string]error{"caller": got, "interceptor": err} {
					if st, _ := status.FromError(err); st.Code() != test.want || st.Message() != test.text {
						t.Errorf("%s, %s, %s: the %s got %v", host, name, kind, who, err)
					}
				}
			}
		}
	}
}

type tenantKey struct{}

// TestServerWideInterceptorsPassOnContextsOfEachKind checks that the pipeline starts with the
// context that an interceptor of the server has made, and does not run where it rejects the call.
func TestServerWideInterceptorsPassOnContextsOfEachKind(t *testing.T) {
	authenticator := server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		tenant, _ := ctx.Value(tenantKey{}).(string)
		return runtime.NewPrincipal(tenant), nil
	})
	for host, open := range hosts {
		conn := open(t, allStock{do: func(ctx context.Context) error {
			if call, ok := runtime.CallFromContext(ctx); !ok || call.Principal() == nil || call.Principal().ID != "ada" {
				return status.Error(codes.DataLoss, "no principal")
			}
			return nil
		}}, serverWide(func(ctx context.Context, _ string, next func(context.Context) error) error {
			if md, _ := metadata.FromIncomingContext(ctx); len(md["reject"]) > 0 {
				return status.Error(codes.OutOfRange, "rejected")
			}
			return next(context.WithValue(ctx, tenantKey{}, "ada"))
		}), server.WithAuthenticator(authenticator), server.WithPolicy([]byte(`{"grpc.testing.TestService/*": {"auth": {"public": true}}}`)))
		for kind, call := range stockKinds {
			if err := call(echotest.Context(t), conn); err != nil {
				t.Errorf("%s, %s: %v", host, kind, err)
			}
			var trailer metadata.MD
			err := call(metadata.AppendToOutgoingContext(echotest.Context(t), "reject", "1"), conn, grpc.Trailer(&trailer))
			if status.Code(err) != codes.OutOfRange || len(trailer["x-request-id"]) > 0 {
				t.Errorf("%s, %s: a call that the interceptor rejects: %v, trailer %v", host, kind, err, trailer)
			}
		}
	}
}

// TestInterceptorsMayReplaceRequests checks that a method gets the request that an interceptor of
// the server has passed on, and that what is not one fails the call only.
func TestInterceptorsMayReplaceRequests(t *testing.T) {
	for name, test := range map[string]struct {
		replacement any
		want        codes.Code
	}{
		"request":      {&testgrpc.SimpleRequest{ResponseSize: 7}, codes.OK},
		"nil":          {nil, codes.Internal},
		"typed nil":    {(*testgrpc.SimpleRequest)(nil), codes.Internal},
		"another type": {&testgrpc.Empty{}, codes.Internal},
		"no pointer":   {7, codes.Internal},
	} {
		for host, open := range hosts {
			var first int32
			conn := open(t, sizes{}, []grpc.ServerOption{grpc.UnaryInterceptor(
				func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
					first = req.(*testgrpc.SimpleRequest).GetResponseSize()
					return handler(ctx, test.replacement)
				})})
			resp, err := testgrpc.NewTestServiceClient(conn).UnaryCall(echotest.Context(t), &testgrpc.SimpleRequest{ResponseSize: 5})
			if status.Code(err) != test.want || first != 5 || err == nil && resp.GetUsername() != "7" {
				t.Errorf("%s, %s: the interceptor got %d, the caller %v, %v", host, name, first, resp, err)
			}
		}
	}
}

// sizes responds with the requested size.
type sizes struct {
	testgrpc.UnimplementedTestServiceServer
}

func (sizes) UnaryCall(_ context.Context, req *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Username: string(rune('0' + req.GetResponseSize()))}, nil
}

// TestInterceptorsCannotDropRequestsOfGeneratedServices checks that a method of ours gets a request
// of its type.
func TestInterceptorsCannotDropRequestsOfGeneratedServices(t *testing.T) {
	for name, replacement := range map[string]any{"nil": nil, "another type": &testgrpc.Empty{}} {
		srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { return nil }), server.WithGRPCOptions(grpc.UnaryInterceptor(
			func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return handler(ctx, replacement)
			})))
		if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
