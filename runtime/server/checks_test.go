package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// validator is a Validator made of a function; it notes the methods that it was bound to.
type validator struct {
	bound    []string
	validate server.ValidateFunc
	err      error
}

func (v *validator) Bind(info runtime.MethodInfo, request protoreflect.MessageDescriptor) (server.ValidateFunc, error) {
	v.bound = append(v.bound, fmt.Sprintf("%s %s", info.Name, request.Name()))
	return v.validate, v.err
}

func TestAValidatorThatCannotBeBound(t *testing.T) {
	const want = "the validator of " + echotest.Name + "/"
	v := &validator{err: errors.New("book.title: no such rule")}
	table := echotest.TableWith(runtime.Policy{Validate: true})
	srv := server.New(server.WithValidator(v), server.WithoutAuthentication())
	server.Register[echotest.Service](srv, table, echotest.Funcs{})
	err := srv.Run(echotest.Context(t), "127.0.0.1:0")
	if err == nil || strings.Count(err.Error(), want) != 4 || !strings.Contains(err.Error(), "book.title") {
		t.Errorf("Run returns %v", err)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("On panics with %v", err)
		}
	}()
	server.Register[echotest.Service](server.On(grpc.NewServer(), server.WithValidator(v)), table, echotest.Funcs{})
}

func TestValidator(t *testing.T) {
	for name, test := range map[string]struct {
		policy runtime.Policy
		err    error
		code   codes.Code
		text   string
		bound  int
	}{
		"valid":           {runtime.Policy{Validate: true}, nil, codes.OK, "", 4},
		"own status":      {runtime.Policy{Validate: true}, status.Error(codes.OutOfRange, "too far"), codes.OutOfRange, "too far", 4},
		"any other error": {runtime.Policy{Validate: true}, errors.New("rule 7 of secret"), codes.InvalidArgument, "the request is not valid", 4},
		"no rules":        {runtime.Policy{}, errors.New("never asked"), codes.OK, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := &validator{validate: func(_ context.Context, req proto.Message) error {
				if !proto.Equal(req, echotest.TenBytes) {
					t.Errorf("validated %v", req)
				}
				return test.err
			}}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(test.policy), echotest.Behaving(func(context.Context) error { return nil }))
			}, server.WithValidator(v))
			for kind, call := range echotest.Kinds {
				err := call(echotest.Context(t), srv.Conn)
				if st := status.Convert(err); st.Code() != test.code || st.Message() != test.text {
					t.Errorf("%s: %v", kind, err)
				}
			}
			if len(v.bound) != test.bound {
				t.Errorf("bound to %v", v.bound)
			}
		})
	}
}

func TestAMethodCannotOverlookARejectedRequest(t *testing.T) {
	impl := echotest.Funcs{JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
		for range reqs { // errors and all
		}
		return echotest.TenBytes, nil
	}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{MaxRequestBytes: 9}), impl)
	})
	if err := echotest.Kinds["Join"](echotest.Context(t), srv.Conn); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// observer notes what happens to calls.
type observer struct {
	name string
	mu   *sync.Mutex
	log  *[]string
}

func (o observer) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	if info.Service != echotest.Name {
		return nil
	}
	return o
}

type observerKey struct{}

func (o observer) Begin(ctx context.Context, call runtime.Call) context.Context {
	o.note("begin " + call.Method().Name)
	return context.WithValue(ctx, observerKey{}, o.name)
}

func (o observer) End(_ context.Context, call runtime.Call, outcome runtime.Outcome) {
	cause := "none"
	if outcome.Cause != nil {
		cause = outcome.Cause.Error()
	}
	if outcome.Duration <= 0 || outcome.Duration > time.Minute {
		cause += " in " + outcome.Duration.String()
	}
	o.note(fmt.Sprintf("end %s %v, cause %s, received %d, sent %d", call.Method().Name, status.Code(outcome.Err), cause, call.Received(), call.Sent()))
}

func (o observer) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*o.log = append(*o.log, o.name+": "+text)
}

func TestObservers(t *testing.T) {
	for kind, call := range echotest.Kinds {
		t.Run(kind, func(t *testing.T) {
			var mu sync.Mutex
			var log []string
			srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
				if ctx.Value(observerKey{}) != "b" {
					t.Error("the method does not get the context of the last observer")
				}
				return nil
			}), server.WithObservers(observer{"a", &mu, &log}, observer{"b", &mu, &log}))
			if err := call(echotest.Context(t), srv.Conn); err != nil {
				t.Fatal(err)
			}
			if err := srv.Stop(); err != nil {
				t.Fatal(err)
			}
			end := "end " + kind + " OK, cause none, received 1, sent 1"
			want := []string{"a: begin " + kind, "b: begin " + kind, "b: " + end, "a: " + end}
			if fmt.Sprint(log) != fmt.Sprint(want) {
				t.Errorf("got %q, want %q", log, want)
			}
		})
	}
}

func TestObserversSeeRejectionsAndPanics(t *testing.T) {
	var mu sync.Mutex
	var log []string
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Behaving(func(context.Context) error { panic("x") }))
	}, server.WithAuthenticator(byToken), server.WithObservers(observer{"o", &mu, &log}))
	_ = echotest.Kinds["One"](echotest.Context(t), srv.Conn)
	_ = echotest.Kinds["One"](as(t, "ada"), srv.Conn)
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	if len(log) != 4 || log[1] != "o: end One Unauthenticated, cause "+status.Error(codes.Unauthenticated, "the call has no credentials, or they are not valid").Error()+", received 0, sent 0" ||
		log[3] != "o: end One Internal, cause panic: x, received 1, sent 0" {
		t.Errorf("got %q", log)
	}
}

// panicky is an observer and a log handler that panics in selected methods.
type panicky struct {
	slog.Handler
	at string
}

func (p panicky) Bind(runtime.MethodInfo) runtime.MethodObserver { return p }

func (p panicky) Begin(ctx context.Context, _ runtime.Call) context.Context {
	p.panicAt("begin")
	return ctx
}

func (p panicky) End(context.Context, runtime.Call, runtime.Outcome) { p.panicAt("end") }

func (p panicky) Enabled(context.Context, slog.Level) bool { return true }
func (p panicky) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "rpc" || strings.Contains(r.Message, "panic") || strings.Contains(r.Message, "failed") {
		p.panicAt("log")
	}
	return nil
}
func (p panicky) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p panicky) WithGroup(string) slog.Handler      { return p }
func (p panicky) panicAt(place string) {
	if p.at == place {
		panic(place)
	}
}

func TestWhatIsSuppliedMayPanic(t *testing.T) {
	succeed := func(context.Context) error { return nil }
	panics := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { panic("authenticator") })
	for name, test := range map[string]struct {
		opts []server.Option
		code codes.Code
	}{
		"observer begins": {[]server.Option{server.WithObservers(panicky{at: "begin"}, panicky{at: "end"})}, codes.OK},
		"observer ends":   {[]server.Option{server.WithObservers(panicky{}, panicky{at: "end"})}, codes.OK},
		"log":             {[]server.Option{server.WithLogger(slog.New(panicky{at: "log"}))}, codes.OK},
		"authenticator":   {[]server.Option{server.WithAuthenticator(panics)}, codes.Internal},
		"validator": {[]server.Option{server.WithValidator(&validator{validate: func(context.Context, proto.Message) error {
			panic("validator")
		}})}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			p := runtime.Policy{Auth: &runtime.Auth{}, Validate: true}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(succeed))
			},
				append([]server.Option{server.WithAuthenticator(byToken)}, test.opts...)...)
			for kind, call := range echotest.Kinds {
				if err := call(as(t, "ada"), srv.Conn); status.Code(err) != test.code {
					t.Errorf("%s: %v, want %v", kind, err, test.code)
				}
			}
		})
	}
}

// FuzzMetadata sends metadata of all sorts: nothing of it breaks the pipeline, or gets into the log
// as it is.
func FuzzMetadata(f *testing.F) {
	log := new(echotest.Records)
	srv := server.New(server.WithLogger(log.Logger(0)), server.WithAuthenticator(byToken), server.WithDrainDelay(0))
	table := echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read"}}, Rates: []runtime.Rate{{PerSecond: 1, Burst: 1, Key: runtime.ByPrincipal}}})
	server.Register[echotest.Service](srv, table, echotest.Behaving(func(context.Context) error { return nil }))
	conn := startForFuzz(f, srv)
	f.Add("authorization", "read", "x-request-id", "abc")
	f.Add("authorization", "", "authorization", "bad")
	f.Add("x-request-id", "a\nlevel=ERROR", "x-request-id", "\x00\xff")
	f.Add("grpc-timeout", "1n", "content-type", "text/html")
	f.Add("a-bin", "\x00", ":path", "/other/Method")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		log.Reset()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		err := echotest.Kinds["One"](metadata.NewOutgoingContext(ctx, metadata.Pairs(k1, v1, k2, v2)), conn)
		if code := status.Code(err); code == codes.Unknown || code == codes.DeadlineExceeded {
			t.Errorf("%q: %q, %q: %q: %v", k1, v1, k2, v2, err)
		}
		for _, record := range log.Named(t, "rpc") { // it parses: no line was broken
			if id, _ := record["request_id"].(string); len(id) == 0 || len(id) > 128 {
				t.Errorf("the request ID %q is in the log", id)
			}
		}
	})
}
