package sdktest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestSpansOfEachKind(t *testing.T) {
	for i, name := range []string{"One", "Many", "Join", "Chat"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c := r.serve(t, ok())
			ctx := echotest.Context(t)
			calls := []func() error{
				func() error { _, err := c.One(ctx, echotest.TenBytes); return err },
				func() error { return drain(c.Many(ctx, echotest.TenBytes)) },
				func() error { _, err := c.Join(ctx, echotest.Texts("a", "b")); return err },
				func() error { return drain(c.Chat(ctx, echotest.Texts("a", "b"))) },
			}
			if err := calls[i](); err != nil {
				t.Fatal(err)
			}
			cs, ss := r.pair(t)
			for _, s := range []struct {
				trace.SpanKind
				name string
			}{{cs.SpanKind(), cs.Name()}, {ss.SpanKind(), ss.Name()}} {
				if s.name != "test.v1.Echo/"+name {
					t.Errorf("the %v span is %q", s.SpanKind, s.name)
				}
			}
			if cs.SpanContext().SpanID() != ss.Parent().SpanID() || !ss.Parent().IsRemote() ||
				cs.SpanContext().TraceID() != ss.SpanContext().TraceID() {
				t.Errorf("the server's span is a child of %v, want %v", ss.Parent(), cs.SpanContext())
			}
			if cs.Status().Code != otelcodes.Unset || ss.Status().Code != otelcodes.Unset {
				t.Errorf("the statuses are %v and %v", cs.Status(), ss.Status())
			}
			want := []string{"rpc.method=test.v1.Echo/" + name, "rpc.status_code=OK", "rpc.system.name=grpc",
				"server.address=127.0.0.1"}
			if i > 0 {
				want = append(want, "grpcservice.messages_received=1",
					"grpcservice.messages_sent="+map[bool]string{true: "2", false: "1"}[i > 1])
			}
			if got := without(texts(cs.Attributes()), "server.port"); !slices.Equal(got, sorted(want)) {
				t.Errorf("the client's attributes are %q, want %q", got, sorted(want))
			}
			for _, key := range []string{"client.address", "client.port", "grpcservice.request_id"} {
				if value(ss, key) == "" {
					t.Errorf("the server's span has no %s: %q", key, texts(ss.Attributes()))
				}
			}
		})
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

// without returns the attributes that do not begin with one of keys.
func without(attrs []string, keys ...string) []string {
	return slices.DeleteFunc(attrs, func(a string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(a, key+"=") })
	})
}

// TestStatusOfEachCode holds what the conventions say: only some codes are errors of a server, and
// all but OK are errors for a client.
func TestStatusOfEachCode(t *testing.T) {
	faults := map[codes.Code]bool{
		codes.Unknown: true, codes.DeadlineExceeded: true, codes.Unimplemented: true,
		codes.Internal: true, codes.Unavailable: true, codes.DataLoss: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		r := newRig(t)
		c := r.serve(t, failing(rpcerr.Reason("shop.example.com/NO").Errorf(code, "public").
			WithCause(errors.New("cause"))))
		_, err := c.One(echotest.Context(t), echotest.TenBytes)
		wantCode(t, err, code)
		cs, ss := r.pair(t)
		name := value(cs, "rpc.status_code")
		if cs.Status().Code != otelcodes.Error || value(cs, "error.type") != name {
			t.Errorf("%v: the client's span is %v %q", code, cs.Status(), texts(cs.Attributes()))
		}
		want, errorType := otelcodes.Unset, ""
		if faults[code] {
			want, errorType = otelcodes.Error, name
		}
		if ss.Status().Code != want || value(ss, "error.type") != errorType || value(ss, "rpc.status_code") != name {
			t.Errorf("%v: the server's span is %v %q", code, ss.Status(), texts(ss.Attributes()))
		}
		if got := value(ss, "grpcservice.reason"); got != "shop.example.com/NO" {
			t.Errorf("%v: the reason is %q", code, got)
		}
	}
}

func TestCausesOfErrors(t *testing.T) {
	secret := rpcerr.ReasonInternal.Errorf(codes.Internal, "public").
		WithCause(errors.New("\xffdatabase " + strings.Repeat("x", 2000)))
	for name, test := range map[string]struct {
		options []grpcotel.Option
		want    string
	}{
		"by default": {nil, "public: \uFFFDdatabase xxx"},
		"without":    {[]grpcotel.Option{grpcotel.WithoutCauses()}, "public"},
	} {
		r := newRig(t, test.options...)
		c := r.serve(t, failing(secret))
		_, err := c.One(echotest.Context(t), echotest.TenBytes)
		wantCode(t, err, codes.Internal)
		cs, ss := r.pair(t)
		if got := ss.Status().Description; !strings.HasPrefix(got, test.want) || len(got) > 1100 {
			t.Errorf("%s: the server's description is %.40q of %d bytes", name, got, len(got))
		}
		if got := cs.Status().Description; strings.Contains(got, "database") || !strings.Contains(got, "public") {
			t.Errorf("%s: the client's description is %.40q", name, got)
		}
	}
}

func TestRejectedCallsNameTheStep(t *testing.T) {
	r := newRig(t)
	c := r.serve(t, ok(), server.WithAuthenticator(rejecting{}))
	for i, err := range callAll(echotest.Context(t), c) {
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for _, s := range r.ended(t, trace.SpanKindServer, 4) {
		if value(s, "grpcservice.step") != "authenticate" || value(s, "grpcservice.reason") != "UNAUTHENTICATED" {
			t.Errorf("the attributes are %q", texts(s.Attributes()))
		}
	}
	r.checkBalance(t)
	want := "grpcservice_server_rejected 1 grpc_method=One grpc_service=test.v1.Echo reason=UNAUTHENTICATED step=authenticate"
	if got := r.points(t); !slices.Contains(got, want) {
		t.Errorf("the metrics are %q, want %q", got, want)
	}
}

// rejecting authenticates nobody.
type rejecting struct{}

// Bind implements [server.Authenticator].
func (rejecting) Bind(runtime.MethodInfo) server.AuthenticateFunc {
	return func(context.Context) (*runtime.Principal, error) { return nil, errors.New("no") }
}

func TestUnknownMethodsHaveOneName(t *testing.T) {
	r := newRig(t)
	srv := server.New(server.WithDrainDelay(0), server.WithObservers(r.Server()))
	server.Register[echotest.Service](srv, echotest.Table, ok())
	conn := dial(t, echotest.ListenAndServe(t, srv))
	for _, path := range []string{"/no.Such/Method", "/test.v1.Echo/Nothing", "/\xff\xfe/x", "/a/b/c"} {
		err := conn.Invoke(echotest.Context(t), path, echotest.TenBytes, new(echotest.Text))
		wantCode(t, err, codes.Unimplemented)
	}
	for _, s := range r.ended(t, trace.SpanKindServer, 4) {
		if s.Name() != "grpc" || value(s, "rpc.method") != "_OTHER" || value(s, "rpc.status_code") != "UNIMPLEMENTED" {
			t.Errorf("the span is %q with %q", s.Name(), texts(s.Attributes()))
		}
	}
	if got := r.points(t); !slices.Contains(got, "grpcservice_server_unknown_methods 4") {
		t.Errorf("the metrics are %q", got)
	}
	r.checkBalance(t)
}

func TestTraceOfACallerThatSamplesNothing(t *testing.T) {
	r := newRig(t)
	var inside trace.SpanContext
	c := r.serve(t, echotest.Behaving(func(ctx context.Context) error {
		inside = trace.SpanContextFromContext(ctx)
		return nil
	}))
	caller := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(echotest.Context(t), caller)
	if _, err := c.One(ctx, echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	if inside.TraceID() != caller.TraceID() || inside.IsSampled() || len(r.spans.Started()) != 0 {
		t.Errorf("the method ran in %v, and %d spans were recorded", inside, len(r.spans.Started()))
	}
}
