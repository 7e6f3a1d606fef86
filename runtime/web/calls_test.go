package web_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// outcome is what the caller of a call receives, and what the server logs about it.
type outcome struct {
	status *status.Status
	record map[string]any
}

// same reports whether two outcomes are the same, without what belongs to one call.
func (o outcome) same(other outcome) bool {
	if !proto.Equal(o.status.Proto(), other.status.Proto()) {
		return false
	}
	for _, key := range []string{"level", "method", "kind", "code", "error", "principal"} {
		if o.record[key] != other.record[key] {
			return false
		}
	}
	return true
}

// TestErrorsAreThoseOfGRPC calls methods that fail in many ways over gRPC and over each protocol:
// codes, messages, details and log records are the same.
func TestErrorsAreThoseOfGRPC(t *testing.T) {
	fails := func(err error) echotest.Funcs {
		return echotest.Behaving(func(context.Context) error { return err })
	}
	for name, test := range map[string]struct {
		impl    echotest.Funcs
		policy  runtime.Policy
		options []server.Option
		code    codes.Code
	}{
		"details": {impl: fails(rpcerr.Reason("library.example.com/OUT_OF_STOCK").
			Errorf(codes.FailedPrecondition, "no é copy, 100%% gone").WithRetryAfter(time.Second).WithMetadata("isbn", "1")), code: codes.FailedPrecondition},
		"violations":      {impl: fails(rpcerr.Invalid(rpcerr.Violation("book.isbn", "must have digits"))), code: codes.InvalidArgument},
		"no status":       {impl: fails(errors.New("secret")), code: codes.Unknown},
		"panic":           {impl: echotest.Behaving(func(context.Context) error { panic("secret") }), code: codes.Internal},
		"its context":     {impl: fails(context.DeadlineExceeded), code: codes.DeadlineExceeded},
		"a code of grpc":  {impl: fails(status.Error(codes.DataLoss, "lost")), code: codes.DataLoss},
		"unauthenticated": {impl: echo, policy: runtime.Policy{Auth: &runtime.Auth{}}, options: []server.Option{server.WithAuthenticator(nobody{})}, code: codes.Unauthenticated},
		"no policy":       {impl: echo, options: []server.Option{server.WithAuthenticator(nobody{})}, code: codes.Unauthenticated},
		"too large":       {impl: echo, policy: runtime.Policy{MaxRequestBytes: 1}, code: codes.ResourceExhausted},
		"too many calls":  {impl: echo, options: []server.Option{server.WithMaxCalls(1)}, code: codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			test.policy.Idempotency = runtime.NoSideEffects
			impl, held := test.impl, make(chan struct{})
			if name == "too many calls" {
				impl.ChatFunc = func(ctx context.Context, _ runtime.Stream[Text]) runtime.Stream[Text] {
					return func(yield func(*Text, error) bool) {
						close(held)
						<-ctx.Done()
						yield(nil, ctx.Err())
					}
				}
			}
			r := serve(t, impl, config{table: echotest.TableWith(test.policy), options: test.options, log: log})
			if name == "too many calls" {
				ctx, cancel := context.WithCancel(echotest.Context(t))
				defer cancel()
				if _, err := r.grpc.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/Chat"); err != nil {
					t.Fatal(err)
				}
				echotest.Within(t, held)
			}
			log.Reset()
			for kind, call := range kinds {
				want := outcomeOf(t, log, func(ctx context.Context) error { return echotest.Kinds[kind](ctx, r.grpc) })
				if want.status.Code() != test.code {
					t.Errorf("%s over gRPC: %v, want %v", kind, want.status, test.code)
				}
				for _, p := range protocols {
					if kind == "Chat" && !p.two {
						continue
					}
					client := r.clientOf(t, p)
					got := outcomeOf(t, log, func(ctx context.Context) error {
						_, err := call(ctx, client)
						return err
					})
					if !got.same(want) {
						t.Errorf("%s over %s: %v %v\nwant %v %v", kind, p.name, got.status.Proto(), got.record, want.status.Proto(), want.record)
					}
				}
			}
		})
	}
}

// outcomeOf returns the outcome of a call.
func outcomeOf(t *testing.T, log *echotest.Records, call func(context.Context) error) outcome {
	t.Helper()
	log.Reset()
	o := outcome{status: status.Convert(call(echotest.Context(t)))}
	eventually(t, "the record of the call", func() bool { return len(log.Named(t, "rpc")) == 1 })
	o.record = log.Named(t, "rpc")[0]
	return o
}

// nobody is an authenticator that knows no caller.
type nobody struct{}

func (nobody) Bind(runtime.MethodInfo) server.AuthenticateFunc {
	return func(context.Context) (*runtime.Principal, error) { return nil, nil }
}

// TestMetadata checks headers, trailers and binary metadata in both directions.
func TestMetadata(t *testing.T) {
	impl := echotest.Behaving(func(ctx context.Context) error {
		md, _ := metadata.FromIncomingContext(ctx)
		got := metadata.MD{}
		for _, name := range []string{"plain", "data-bin", "authorization"} {
			got["got-"+name] = md.Get(name)
		}
		if method, ok := grpc.Method(ctx); !ok || !strings.HasPrefix(method, "/test.v1.Echo/") {
			return errors.New("no method")
		}
		if err := grpc.SetTrailer(ctx, metadata.Join(got, metadata.Pairs("end-bin", "\x00\xff", "end", "1", "end", "2"))); err != nil {
			return err
		}
		return grpc.SetHeader(ctx, metadata.Pairs("start", "1", "start-bin", "\x00\xff", "grpc-status", "13", "connection", "x", "content-length", "3"))
	})
	r := serve(t, impl, config{})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, info := connect.NewClientContext(echotest.Context(t))
			for name, values := range map[string][]string{
				"Plain": {"a", "b"}, "Data-Bin": {connect.EncodeBinaryHeader([]byte("\x00\xfe"))}, "Authorization": {"Bearer x"},
			} {
				info.RequestHeader().SetValues(name, values)
			}
			if _, err := call(ctx, client); err != nil {
				t.Errorf("%s over %s: %v", kind, p.name, err)
				continue
			}
			for name, want := range map[string]string{"Start": "1", "Start-Bin": "AP8"} {
				if got := info.ResponseHeader().Get(name); got != want {
					t.Errorf("%s over %s: the header %s is %q, want %q", kind, p.name, name, got, want)
				}
			}
			for name, want := range map[string]string{
				"End": "1, 2", "End-Bin": "AP8", "Got-Plain": "a, b", "Got-Data-Bin": "AP4", "Got-Authorization": "Bearer x",
			} {
				if got := strings.Join(info.ResponseTrailer().Values(name), ", "); got != want {
					t.Errorf("%s over %s: the trailer %s is %q, want %q", kind, p.name, name, got, want)
				}
			}
		}
	}
}

// TestCancellation checks that the context of a method ends when its client goes away, for each kind
// over each protocol.
func TestCancellation(t *testing.T) {
	started, ended := make(chan struct{}, 1), make(chan error, 1)
	r := serve(t, echotest.Behaving(func(ctx context.Context) error {
		started <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}), config{options: []server.Option{server.WithDefaultTimeout(0)}})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, cancel := context.WithCancel(echotest.Context(t))
			done := make(chan error, 1)
			go func() {
				_, err := call(ctx, client)
				done <- err
			}()
			echotest.Within(t, started)
			cancel()
			if err := echotest.Within(t, ended); err != context.Canceled {
				t.Errorf("%s over %s: the method sees %v, want it canceled", kind, p.name, err)
			}
			if err := echotest.Within(t, done); status.Code(err) != codes.Canceled {
				t.Errorf("%s over %s: %v", kind, p.name, err)
			}
		}
	}
}

// TestDeadlines checks that a method has the deadline of its client, and that its call ends with it.
func TestDeadlines(t *testing.T) {
	r := serve(t, echotest.Behaving(func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > time.Hour || left < 30*time.Minute {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), config{options: []server.Option{server.WithDefaultTimeout(0)}})
	for _, p := range protocols {
		client := r.clientOf(t, p)
		for kind, call := range kinds {
			if kind == "Chat" && !p.two {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			if _, err := call(ctx, client); err != nil {
				t.Errorf("%s over %s: %v", kind, p.name, err)
			}
			cancel()
		}
	}
	if resp, body := r.post(t, one, "application/json", `"a"`, "Connect-Timeout-Ms", "20"); resp.StatusCode != 504 ||
		!strings.Contains(body, "deadline_exceeded") {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := r.post(t, one, "application/grpc-web", envelope(0, 0, nil), "Grpc-Timeout", "20m"); resp.Header.Get("Grpc-Status") != "4" {
		t.Error(resp.Header)
	}
}

// TestGoexit checks a method that ends its goroutine, which is the one that serves the request: its
// caller receives an error, and the shutdown does not wait for it.
func TestGoexit(t *testing.T) {
	log := new(echotest.Records)
	r := serve(t, echotest.Behaving(func(context.Context) error {
		goruntime.Goexit()
		return nil
	}), config{log: log})
	for _, p := range protocols {
		if _, err := kinds["One"](echotest.Context(t), r.clientOf(t, p)); err == nil {
			t.Errorf("%s: no error", p.name)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for _, record := range log.Named(t, "rpc") {
		if record["code"] != "Internal" {
			t.Error(record)
		}
	}
}
