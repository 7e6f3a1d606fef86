package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// seen is an observer that keeps what ends: the method as it is known to it, and the code.
type seen struct {
	mu    sync.Mutex
	bound []string
	ended []string
	tell  chan struct{}
}

func (s *seen) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound = append(s.bound, info.FullMethod)
	return s
}
func (s *seen) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }
func (s *seen) End(_ context.Context, call runtime.Call, outcome runtime.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, fmt.Sprint(call.Method().FullMethod, " ", status.Code(outcome.Err)))
	if s.tell != nil {
		s.tell <- struct{}{}
	}
}

// serveOn serves over an in-memory connection, on a Server or a *grpc.Server with the same options.
func serveOn(t *testing.T, own bool, register func(grpc.ServiceRegistrar), opts ...server.Option) *grpc.ClientConn {
	t.Helper()
	if !own {
		return echotest.StartServer(t, func(srv *server.Server) { register(srv) }, opts...).Conn
	}
	srv := grpc.NewServer(server.GRPCOptions(opts...)...)
	register(server.On(srv, opts...))
	return echotest.ServeGRPC(t, srv)
}

// TestUnknownMethodsAreObserved calls methods that the server does not have, of a service that it
// has and of one that it has not, beside one that rejects the caller.
func TestUnknownMethodsAreObserved(t *testing.T) {
	guarded := runtime.Policy{Auth: &runtime.Auth{}}
	for name, test := range map[string]struct {
		opts   []server.Option
		as     string
		policy runtime.Policy
		paths  []string
		code   codes.Code
		reason rpcerr.Reason
	}{
		"without credentials": {authenticated, "", guarded,
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing", "/test.v1.Echo/One", "/test.v1.Echo/Chat"}, codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		"without credentials, no policy": {authenticated, "", runtime.Policy{},
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing", "/test.v1.Echo/One", "/test.v1.Echo/Chat"}, codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		"bad credentials": {authenticated, "bad", guarded,
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing", "/test.v1.Echo/One"}, codes.Unauthenticated, rpcerr.ReasonUnauthenticated},
		"authenticated": {authenticated, "ada", guarded,
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing"}, codes.Unimplemented, rpcerr.ReasonUnimplemented},
		"nobody asked": {nil, "", runtime.Policy{},
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing"}, codes.Unimplemented, rpcerr.ReasonUnimplemented},
		"open": {append(authenticated[:1:1], server.WithoutAuthentication()), "", guarded,
			[]string{"/no.Service/Method", "/test.v1.Echo/Missing"}, codes.Unimplemented, rpcerr.ReasonUnimplemented},
	} {
		for _, own := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				log, observer := new(echotest.Records), new(seen)
				opts := append([]server.Option{server.WithLogger(log.Logger(slog.LevelInfo)), server.WithObservers(observer)}, test.opts...)
				conn := serveOn(t, own, func(r grpc.ServiceRegistrar) {
					server.Register[echotest.Service](r, echotest.TableWith(test.policy), echotest.Behaving(succeed))
				}, opts...)
				ctx := echotest.Context(t)
				if test.as != "" {
					ctx = as(t, test.as)
				}
				var first string
				for i, path := range test.paths {
					err := conn.Invoke(ctx, path, echotest.TenBytes, new(text))
					answer := status.Convert(err).Proto().String()
					if i == 0 {
						first = answer
					}
					if status.Code(err) != test.code || rpcerr.ReasonOf(err) != test.reason || answer != first {
						t.Errorf("%s: %s; the first one got %s", path, answer, first)
					}
				}
				found := log.Named(t, "rpc")
				if len(found) != len(test.paths) || len(observer.ended) != len(test.paths) {
					t.Fatalf("%d records, %d observed calls, want %d: %v", len(found), len(observer.ended), len(test.paths), found)
				}
				for i, path := range test.paths[:2] {
					if r := found[i]; r["method"] != "unknown/unknown" || r["path"] != path || r["code"] != test.code.String() {
						t.Errorf("%s: the log has %v", path, r)
					}
					if want := server.UnknownMethod + " " + test.code.String(); observer.ended[i] != want {
						t.Errorf("%s: observed as %q, want %q", path, observer.ended[i], want)
					}
				}
			})
		}
	}
}

// TestPathsOfClientsAreBounded sends paths that a log should not have as they are.
func TestPathsOfClientsAreBounded(t *testing.T) {
	log, observer := new(echotest.Records), new(seen)
	conn := serveOn(t, false, func(r grpc.ServiceRegistrar) { server.Register[echotest.Service](r, echotest.Table, echotest.Funcs{}) },
		server.WithLogger(log.Logger(slog.LevelInfo)), server.WithObservers(observer))
	for i := range 50 {
		path := fmt.Sprintf("/s%d/%s", i, strings.Repeat("\u00e9", 500))
		if err := conn.Invoke(echotest.Context(t), path, echotest.TenBytes, new(text)); status.Code(err) != codes.Unimplemented {
			t.Fatal(err)
		}
	}
	for _, record := range log.Named(t, "rpc") {
		if path, _ := record["path"].(string); len(path) > 140 || !strings.HasPrefix(path, "/s") {
			t.Errorf("the path in the log is %q", path)
		}
	}
	for _, ended := range observer.ended {
		if ended != server.UnknownMethod+" Unimplemented" {
			t.Errorf("observed as %q", ended)
		}
	}
}

// TestCallsThatGRPCRejectsAreObserved sends calls that grpc rejects before a handler has them.
func TestCallsThatGRPCRejectsAreObserved(t *testing.T) {
	brotli := [][2]string{{"grpc-encoding", "br"}}
	for name, test := range map[string]struct {
		path    string
		headers [][2]string
		status  string // what the client gets
		want    string // what observers get
	}{
		"encoding of a unary call":        {"/test.v1.Echo/One", brotli, "12", "/test.v1.Echo/One Unimplemented"},
		"encoding of a stream":            {"/test.v1.Echo/Chat", brotli, "12", "/test.v1.Echo/Chat Unimplemented"},
		"encoding of an unknown method":   {"/no.Service/Method", brotli, "12", server.UnknownMethod + " Unimplemented"},
		"path without a slash":            {"test.v1.Echo/One", nil, "12", server.UnknownMethod + " Unimplemented"},
		"a deadline that has passed":      {"/test.v1.Echo/One", [][2]string{{"grpc-timeout", "0n"}}, "4", "/test.v1.Echo/One DeadlineExceeded"},
		"nothing: the call is as it is":   {"/test.v1.Echo/One", nil, "0", "/test.v1.Echo/One OK"},
		"nothing: the stream is as it is": {"/test.v1.Echo/Chat", nil, "0", "/test.v1.Echo/Chat OK"},
	} {
		t.Run(name, func(t *testing.T) {
			log, observer := new(echotest.Records), &seen{tell: make(chan struct{}, 9)}
			srv := server.New(server.WithLogger(log.Logger(slog.LevelInfo)), server.WithObservers(observer), server.WithDrainDelay(0))
			server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(succeed))
			client, answers := dialRaw(t, echotest.ListenAndServe(t, srv))
			client.callPath(t, 1, test.path, test.headers)
			if got := echotest.Within(t, answers); got != (rawAnswer{1, test.status}) {
				t.Errorf("the client got %v, want status %s", got, test.status)
			}
			echotest.Within(t, observer.tell)
			if found := log.Named(t, "rpc"); len(found) != 1 || !strings.HasSuffix(test.want, found[0]["code"].(string)) {
				t.Errorf("the log has %v", found)
			}
			if len(observer.ended) != 1 || observer.ended[0] != test.want {
				t.Errorf("observed %q, want %q", observer.ended, test.want)
			}
		})
	}
}

// rawAnswer is the status that a stream ends with.
type rawAnswer struct {
	stream uint32
	status string
}

// dialRaw connects to a server without a client library.
func dialRaw(t *testing.T, addr string) (*rawClient, <-chan rawAnswer) {
	t.Helper()
	conn := connect(t, addr)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	client := &rawClient{framer: http2.NewFramer(conn, conn)}
	client.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	client.encoder = hpack.NewEncoder(&client.block)
	if err := client.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan rawAnswer, 9)
	go readAnswers(client.framer, answers)
	return client, answers
}

// TestUnknownServiceHandlersAreInThePipeline has a handler of the user's for unknown methods.
func TestUnknownServiceHandlersAreInThePipeline(t *testing.T) {
	for name, test := range map[string]struct {
		opts []server.Option
		want codes.Code
	}{
		"nobody asked":     {nil, codes.DataLoss},
		"an authenticator": {authenticated, codes.Unimplemented}, // it has no policy
		"open":             {append(authenticated[:1:1], server.WithoutAuthentication()), codes.DataLoss},
	} {
		t.Run(name, func(t *testing.T) {
			observer := new(seen)
			srv := echotest.StartServer(t, func(srv *server.Server) { server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{}) },
				append([]server.Option{server.WithObservers(observer), server.WithGRPCOptions(
					grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.DataLoss, "reached") }))}, test.opts...)...)
			if err := srv.Conn.Invoke(as(t, "ada"), "/no.Service/Method", echotest.TenBytes, new(text)); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(observer.ended) != 1 || observer.ended[0] != server.UnknownMethod+" "+test.want.String() {
				t.Errorf("observed %q", observer.ended)
			}
		})
	}
}

// TestInterceptorsAroundThePipelineAreNotGRPC has interceptors of the server reject calls.
func TestInterceptorsAroundThePipelineAreNotGRPC(t *testing.T) {
	observer := new(seen)
	reject := status.Error(codes.DataLoss, "no")
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(succeed))
	}, server.WithObservers(observer),
		server.WithGRPCOptions(
			grpc.ChainStreamInterceptor(func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error { return reject }),
			grpc.ChainUnaryInterceptor(func(_ context.Context, _ any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
				return nil, reject
			})))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.DataLoss {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if err := srv.Stop(); err != nil { // what was written is observed
		t.Error(err)
	}
	if len(observer.ended) > 0 {
		t.Errorf("observed %q, want nothing", observer.ended)
	}
}
