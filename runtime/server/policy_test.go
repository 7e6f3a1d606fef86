package server_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// byToken authenticates callers that send their name as a token.
var byToken = server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
	switch token := metadata.ValueFromIncomingContext(ctx, "authorization"); {
	case len(token) == 0:
		return nil, nil
	case token[0] == "bad":
		return nil, errors.New("the signature of " + secretToken + " does not match")
	default:
		return runtime.NewPrincipal(token[0], strings.Split(token[0], "+")...), nil
	}
})

const secretToken = "eyJhbGciOi"

// as returns a context whose calls are made by name, which has the scopes that it is made of:
// "read+write".
func as(t *testing.T, name string) context.Context {
	return metadata.AppendToOutgoingContext(echotest.Context(t), "authorization", name)
}

// policyCase is a policy, and a call that it accepts or rejects.
type policyCase struct {
	policy runtime.Policy
	opts   []server.Option
	do     func(context.Context) error // what the method does; nil is to succeed
	as     string                      // the caller's token
	before int                         // calls that exhaust the limit
	code   codes.Code
	reason rpcerr.Reason
	cause  string   // in the log
	only   []string // kinds that the policy is for; none is all
}

var authenticated = []server.Option{server.WithAuthenticator(byToken)}

var streamKinds = []string{"Many", "Join", "Chat"}

// waits does nothing until the call is over.
func waits(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

var policyCases = map[string]policyCase{
	"nobody asked":                {},
	"public":                      {policy: runtime.Policy{Auth: &runtime.Auth{Public: true}}, opts: authenticated},
	"public with bad credentials": {policy: runtime.Policy{Auth: &runtime.Auth{Public: true}}, opts: authenticated, as: "bad"},
	"known":                       {policy: runtime.Policy{Auth: &runtime.Auth{}}, opts: authenticated, as: "ada"},
	"unknown":                     {policy: runtime.Policy{Auth: &runtime.Auth{}}, opts: authenticated, code: codes.Unauthenticated, reason: rpcerr.ReasonUnauthenticated},
	"bad credentials":             {policy: runtime.Policy{Auth: &runtime.Auth{}}, opts: authenticated, as: "bad", code: codes.Unauthenticated, reason: rpcerr.ReasonUnauthenticated, cause: secretToken},
	"no policy":                   {opts: authenticated, as: "ada", code: codes.PermissionDenied, reason: rpcerr.ReasonNoPolicy},
	"no policy, nobody asked":     {opts: []server.Option{server.WithAuthenticator(byToken), server.WithoutAuthentication()}},
	"all scopes":                  {policy: runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read", "write"}}}, opts: authenticated, as: "read+write"},
	"one scope missing":           {policy: runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read", "write"}}}, opts: authenticated, as: "read", code: codes.PermissionDenied, reason: rpcerr.ReasonMissingScope},
	"one of the scopes":           {policy: runtime.Policy{Auth: &runtime.Auth{AnyOf: []string{"read", "write"}}}, opts: authenticated, as: "write"},
	"none of the scopes":          {policy: runtime.Policy{Auth: &runtime.Auth{AnyOf: []string{"read", "write"}}}, opts: authenticated, as: "ada", code: codes.PermissionDenied, reason: rpcerr.ReasonMissingScope},
	"listed principal": {policy: runtime.Policy{Auth: &runtime.Auth{
		Principals: []string{"bob", "ada"}}}, opts: authenticated, as: "ada"},
	"listed principal without a scope": {policy: runtime.Policy{Auth: &runtime.Auth{
		Principals: []string{"ada"}, AllOf: []string{"read"}}}, opts: authenticated, as: "ada",
		code: codes.PermissionDenied, reason: rpcerr.ReasonMissingScope},
	"principal that is not listed": {policy: runtime.Policy{Auth: &runtime.Auth{
		Principals: []string{"adam", "ad*", "spiffe://example.org/*"}}}, opts: authenticated, as: "ada",
		code: codes.PermissionDenied, reason: rpcerr.ReasonPrincipalNotAllowed},
	"unknown, with principals": {policy: runtime.Policy{Auth: &runtime.Auth{
		Principals: []string{"ada"}}}, opts: authenticated,
		code: codes.Unauthenticated, reason: rpcerr.ReasonUnauthenticated},
	"within the rate":            {policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 2}}}, before: 1},
	"above the rate":             {policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 1}}}, before: 1, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited},
	"above the principal's rate": {policy: runtime.Policy{Auth: &runtime.Auth{}, Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 1, Key: runtime.ByPrincipal}}}, opts: authenticated, as: "ada", before: 1, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited},
	"above the peer's rate":      {policy: runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 1, Key: runtime.ByPeer}}}, before: 1, code: codes.ResourceExhausted, reason: rpcerr.ReasonRateLimited},
	"small enough":               {policy: runtime.Policy{MaxRequestBytes: 10}},
	"too large":                  {policy: runtime.Policy{MaxRequestBytes: 9}, code: codes.ResourceExhausted, reason: rpcerr.ReasonRequestTooLarge},
	"idle":                       {policy: runtime.Policy{IdleTimeout: 20 * time.Millisecond}, do: waits, code: codes.DeadlineExceeded, reason: rpcerr.ReasonStreamIdle, only: streamKinds},
	"too long":                   {policy: runtime.Policy{TotalTimeout: 20 * time.Millisecond}, do: waits, code: codes.DeadlineExceeded, reason: rpcerr.ReasonStreamTimeout, only: streamKinds},
	"in time":                    {policy: runtime.Policy{IdleTimeout: time.Minute, TotalTimeout: time.Minute}, only: streamKinds},
	"panic in time":              {policy: runtime.Policy{TotalTimeout: time.Minute}, do: func(context.Context) error { panic("x") }, code: codes.Internal, reason: rpcerr.ReasonInternal, cause: "panic: x", only: streamKinds},
	"deadline":                   {policy: runtime.Policy{Timeout: 10 * time.Millisecond}, do: waits, code: codes.DeadlineExceeded, only: []string{"One"}},
}

func TestPolicies(t *testing.T) {
	for name, test := range policyCases {
		t.Run(name, func(t *testing.T) {
			for kind, call := range echotest.Kinds {
				if len(test.only) == 0 || slices.Contains(test.only, kind) {
					t.Run(kind, func(t *testing.T) { test.run(t, kind, call) })
				}
			}
		})
	}
}

// run makes one call, and looks at what its caller and the log get.
func (p policyCase) run(t *testing.T, kind string, call func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error) {
	log := new(echotest.Records)
	ran := 0
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p.policy), echotest.Behaving(func(ctx context.Context) error {
			ran++
			if p.do != nil {
				return p.do(ctx)
			}
			return nil
		}))
	}, append([]server.Option{server.WithLogger(log.Logger(slog.LevelInfo))}, p.opts...)...)
	ctx := echotest.NoDeadline(t) // a deadline would be the client's
	if p.as != "" {
		ctx = as(t, p.as)
	}
	for range p.before {
		if err := call(ctx, srv.Conn); err != nil {
			t.Fatal(err)
		}
	}
	p.check(t, call(ctx, srv.Conn))
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	if rejected := p.code != codes.OK && p.do == nil; rejected && ran != p.before {
		t.Errorf("the method ran %d times, want %d", ran, p.before)
	}
	found := log.Named(t, "rpc")
	last := found[len(found)-1]
	cause, _ := last["error"].(string)
	if last["code"] != p.code.String() || !strings.Contains(cause, p.cause) || len(found) != p.before+1 {
		t.Errorf("%s: the log has %v", kind, found)
	}
	if who, _ := last["principal"].(string); p.code == codes.OK && p.as != "" && p.as != "bad" && who != p.as {
		t.Errorf("the log has the principal %q, want %q", who, p.as)
	}
}

// check looks at what the caller got.
func (p policyCase) check(t *testing.T, err error) {
	t.Helper()
	st := status.Convert(err)
	if st.Code() != p.code {
		t.Fatalf("got %v, want %v", err, p.code)
	}
	if strings.Contains(st.String(), secretToken) {
		t.Errorf("the secret is out: %v", st)
	}
	var reason rpcerr.Reason
	waits := false
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = rpcerr.Reason(d.GetReason())
		case *errdetails.RetryInfo:
			waits = d.GetRetryDelay().AsDuration() > 0
		}
	}
	if reason != p.reason {
		t.Errorf("reason %q, want %q", reason, p.reason)
	}
	limited := []rpcerr.Reason{rpcerr.ReasonRateLimited, rpcerr.ReasonOverloaded, rpcerr.ReasonTooManyCalls}
	if limited := slices.Contains(limited, p.reason); waits != limited {
		t.Errorf("RetryInfo: %v, want %v", waits, limited)
	}
}

func TestRateRejectionPushesBack(t *testing.T) {
	p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1, Burst: 1}}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error { return nil }))
	})
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Fatal(err)
	}
	var trailer metadata.MD
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn, grpc.Trailer(&trailer)); status.Code(err) != codes.ResourceExhausted {
		t.Fatal(err)
	}
	if got := trailer["grpc-retry-pushback-ms"]; len(got) != 1 || got[0] != "1024" {
		t.Errorf("pushback %v, want the second that is left, rounded up to a power of two", got)
	}
}

func TestPrincipalsDoNotShareARate(t *testing.T) {
	p := runtime.Policy{Auth: &runtime.Auth{}, Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 1, Key: runtime.ByPrincipal}}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error { return nil }))
	}, authenticated...)
	for _, name := range []string{"ada", "grace"} {
		if err := echotest.Kinds["One"](as(t, name), srv.Conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := echotest.Kinds["One"](as(t, "ada"), srv.Conn); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("ada calls again: %v", err)
	}
}

func TestConcurrency(t *testing.T) {
	for kind, call := range echotest.Kinds {
		t.Run(kind, func(t *testing.T) {
			gate := newGate()
			limited := runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1}}
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(limited), echotest.Behaving(gate.pass))
			})
			first := make(chan error, 1)
			go func() { first <- call(echotest.Context(t), srv.Conn) }()
			echotest.Within(t, gate.entered)
			p := policyCase{code: codes.Unavailable, reason: rpcerr.ReasonOverloaded}
			p.check(t, call(echotest.Context(t), srv.Conn))
			close(gate.open)
			if err := echotest.Within(t, first); err != nil {
				t.Errorf("the first call: %v", err)
			}
			if err := call(echotest.Context(t), srv.Conn); err != nil {
				t.Errorf("the call after it: %v", err)
			}
		})
	}
}

func TestMaxTimeoutCutsTheClients(t *testing.T) {
	synctest.Test(t, testMaxTimeout) // calls take no time
}

func testMaxTimeout(t *testing.T) {
	left := make(chan time.Duration, 1)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Timeout: time.Second, MaxTimeout: 2 * time.Second}), echotest.Behaving(func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			left <- time.Until(deadline)
			return nil
		}))
	})
	for _, test := range []struct{ client, most time.Duration }{
		{0, time.Second}, {time.Minute, 2 * time.Second}, {1500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		ctx := context.Background()
		if test.client > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, test.client)
			defer cancel()
		}
		if err := echotest.Kinds["One"](ctx, srv.Conn); err != nil {
			t.Error(err)
		}
		if got := echotest.Within(t, left); got > test.most || got < test.most-500*time.Millisecond {
			t.Errorf("a client that asks for %v gets %v, want %v", test.client, got, test.most)
		}
	}
}

func TestAServerThatCannotAskDoesNotStart(t *testing.T) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Funcs{})
	if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "the policy of test.v1.Echo/One") {
		t.Errorf("Run returned %v", err)
	}
	if err := srv.Shutdown(echotest.Context(t)); err != nil {
		t.Error(err)
	}
}

func TestOverrides(t *testing.T) {
	p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 1000, Burst: 1000}}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error { return nil }))
	}, server.WithPolicy([]byte(`{"test.v1.Echo/*": {"rate": [{"perSecond": 0.001}]}, "test.v1.Echo/One": {"rate": [{"perSecond": 0.001, "burst": 2}]}}`)))
	for kind, most := range map[string]int{"One": 2, "Many": 1, "Join": 1, "Chat": 1} {
		for range most {
			if err := echotest.Kinds[kind](echotest.Context(t), srv.Conn); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if err := echotest.Kinds[kind](echotest.Context(t), srv.Conn); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s is not limited to %d calls: %v", kind, most, err)
		}
	}
}

func TestWrongOverrides(t *testing.T) {
	for config, want := range map[string]string{
		`{`:                                  "not a JSON object",
		`{"test.v1.Echo/One": {"speed": 1}}`: `test.v1.Echo/One: proto:`,
		`{"test.v1.Echo/Uno": {}}`:           `the server has no method test.v1.Echo/Uno`,
		`{"test.v1.Echo/One": {"timeout": {"default": "soon"}}}`: `test.v1.Echo/One: timeout.default: "soon" is not a duration`,
		`{"test.v1.Echo/Many": {"timeout": {"default": "1s"}}}`:  `timeout: default and max are for methods without a stream`,
	} {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithPolicy([]byte(config)))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
		if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), want) {
			t.Errorf("%s: Run returned %v, want %q", config, err, want)
		}
	}
}

func TestLogPolicy(t *testing.T) {
	for name, test := range map[string]struct {
		log  runtime.Log
		want int
	}{
		"all": {runtime.Log{}, 20}, "none": {runtime.Log{Sample: -1}, 0}, "debug": {runtime.Log{Level: slog.LevelDebug}, 0},
	} {
		log := new(echotest.Records)
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Log: test.log}), echotest.Behaving(func(context.Context) error { return nil }))
		}, server.WithLogger(log.Logger(slog.LevelInfo)))
		for range 20 {
			if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
				t.Error(err)
			}
		}
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
		if got := len(log.Named(t, "rpc")); got != test.want {
			t.Errorf("%s: %d records, want %d", name, got, test.want)
		}
	}
}

func TestAFailedClientStreamDoesNotWaitForAGoroutineThatReads(t *testing.T) {
	reading := make(chan struct{})
	impl := echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
		runtime.Go(ctx, func(context.Context) error {
			for range reqs {
				close(reading)
			}
			return nil
		})
		<-reading
		return nil, status.Error(codes.NotFound, "no such room")
	}}
	srv := echotest.Start(t, impl)
	cs, err := srv.Conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ClientStreams: true}, "/test.v1.Echo/Join")
	if err != nil {
		t.Fatal(err)
	}
	if err := cs.SendMsg(echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	if err := cs.RecvMsg(new(text)); status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want NOT_FOUND", err)
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("the goroutine was left behind: %v", err)
	}
}

func TestAFailedMethodDoesNotWaitForAGoroutineThatReads(t *testing.T) {
	reading := make(chan struct{})
	impl := echotest.Funcs{ChatFunc: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
		runtime.Go(ctx, func(context.Context) error {
			for range reqs {
				close(reading)
			}
			return nil
		})
		<-reading
		return runtime.Fail[text](status.Error(codes.NotFound, "no such room"))
	}}
	srv := echotest.Start(t, impl)
	cs, err := srv.Conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := cs.SendMsg(echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	if err := cs.RecvMsg(new(text)); status.Code(err) != codes.NotFound { // the client is silent, and has not closed the stream
		t.Errorf("got %v, want NOT_FOUND", err)
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("the goroutine was left behind: %v", err)
	}
}

func TestOnPanicsForWrongOptions(t *testing.T) {
	for name, use := range map[string]func(){
		"a negative timeout": func() { server.On(grpc.NewServer(), server.WithDefaultTimeout(-1)) },
		"WithPolicy: test.v1.Echo/One": func() {
			server.Register[echotest.Service](server.On(grpc.NewServer(), server.WithPolicy([]byte(`{"test.v1.Echo/One": {"rate": [{}]}}`))), echotest.Table, echotest.Funcs{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nothing said so")
				}
			}()
			use()
		})
	}
}

func TestOnWithoutAnAuthenticatorLetsNobodyIn(t *testing.T) {
	own := grpc.NewServer()
	server.Register[echotest.Service](own, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Behaving(func(context.Context) error { return nil }))
	conn := echotest.ServeGRPC(t, own)
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
