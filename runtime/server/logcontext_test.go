package server_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

type spanKey struct{}

// spans is an observer that puts a span into the context of each call, as tracing does.
type spans struct{ endPanics bool }

func (o spans) Bind(runtime.MethodInfo) runtime.MethodObserver { return o }

func (o spans) Begin(ctx context.Context, call runtime.Call) context.Context {
	return context.WithValue(ctx, spanKey{}, "span of "+call.Method().Name)
}

func (o spans) End(context.Context, runtime.Call, runtime.Outcome) {
	if o.endPanics {
		panic("end")
	}
}

// spanLog is a handler that reads the span of each record's context, as those that write trace IDs
// do.
type spanLog struct {
	attrs []slog.Attr
	*spanRecords
}

type spanRecords struct {
	mu      sync.Mutex
	records []string // message@span
}

func (l spanLog) Enabled(ctx context.Context, _ slog.Level) bool {
	return ctx.Value(spanKey{}) != nil // also this decision may depend on the trace
}

func (l spanLog) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	span, _ := ctx.Value(spanKey{}).(string)
	l.records = append(l.records, r.Message+"@"+span)
	return nil
}

func (l spanLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return spanLog{slices.Concat(l.attrs, attrs), l.spanRecords}
}

func (l spanLog) WithGroup(string) slog.Handler { return l }

// take returns the messages of what was logged since the last time, and checks their spans.
func (l spanLog) take(t *testing.T, span string) (messages []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, record := range l.records {
		message, found, _ := strings.Cut(record, "@")
		if found != span {
			t.Errorf("the record %q has the span %q, want %q", message, found, span)
		}
		messages = append(messages, message)
	}
	l.records = nil
	return messages
}

// says is an authenticator.
type says server.AuthenticateFunc

func (f says) Bind(runtime.MethodInfo) server.AuthenticateFunc { return server.AuthenticateFunc(f) }

func ann(context.Context) (*runtime.Principal, error) { return runtime.NewPrincipal("ann"), nil }

func nobody(context.Context) (*runtime.Principal, error) { return nil, errors.New("bad token") }

func broken(context.Context) (*runtime.Principal, error) { panic("no") }

// TestLogsHaveTheSpanOfTheirCall checks that everything that is logged of a call has the context
// with what observers added, however the call ends and whichever kind it is.
func TestLogsHaveTheSpanOfTheirCall(t *testing.T) {
	admin := &runtime.Auth{AllOf: []string{"admin"}}
	for name, test := range map[string]struct {
		policy runtime.Policy
		do     func(context.Context) error
		opts   []server.Option
		end    bool // whether the observer's End panics
		want   []string
	}{
		"success": {do: func(context.Context) error { return nil }, want: []string{"rpc"}},
		"failure": {do: func(context.Context) error { return status.Error(codes.NotFound, "no") }, want: []string{"rpc"}},
		"panic":   {do: func(context.Context) error { panic("no") }, want: []string{"panic", "rpc"}},
		"rejected": {
			policy: runtime.Policy{Auth: admin}, do: func(context.Context) error { return nil },
			opts: []server.Option{server.WithAuthenticator(says(ann))}, want: []string{"rpc"},
		},
		"unauthenticated": {
			policy: runtime.Policy{Auth: admin}, do: func(context.Context) error { return nil },
			opts: []server.Option{server.WithAuthenticator(says(nobody))}, want: []string{"rpc"},
		},
		"bad credentials of a public method": {
			policy: runtime.Policy{Auth: &runtime.Auth{Public: true}}, do: func(context.Context) error { return nil },
			opts: []server.Option{server.WithAuthenticator(says(nobody))},
			want: []string{"public method: invalid credentials", "rpc"},
		},
		"panic of an authenticator": {
			do:   func(context.Context) error { return nil },
			opts: []server.Option{server.WithAuthenticator(says(broken))}, want: []string{"panic", "rpc"},
		},
		"panic of a goroutine": {
			do: func(ctx context.Context) error {
				runtime.Go(ctx, func(context.Context) error { panic("no") })
				return nil
			},
			want: []string{"panic", "rpc"},
		},
		"panic of an observer": {
			do: func(context.Context) error { return nil }, end: true, want: []string{"rpc", "panic"},
		},
		"Call.Logger": {
			do: func(ctx context.Context) error {
				call, _ := runtime.CallFromContext(ctx)
				call.Logger().Info("one")
				call.Logger().With("a", 1).WithGroup("g").InfoContext(ctx, "two")
				if !call.Logger().Enabled(context.Background(), slog.LevelInfo) {
					return errors.New("the logger is disabled without a context")
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					call.Logger().Warn("three")
				}()
				<-done
				return nil
			},
			want: []string{"one", "two", "three", "rpc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := spanLog{nil, new(spanRecords)}
			srv := server.New(append(test.opts, server.WithDrainDelay(0), server.WithLogger(slog.New(log)),
				server.WithObservers(spans{test.end}))...)
			server.Register[echotest.Service](srv, echotest.TableWith(test.policy), echotest.Behaving(test.do))
			addr := echotest.ListenAndServe(t, srv)
			conn := echotest.DialAll(t, []string{addr})
			stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
			ctx, panicked := echotest.Context(t), false
			for kind, call := range map[string]func(){
				"One":  func() { _, _ = stub.One(ctx, echotest.TenBytes) },
				"Many": func() { _, _ = echotest.Gather(stub.Many(ctx, echotest.TenBytes)) },
				"Join": func() { _, _ = stub.Join(ctx, echotest.Texts("a")) },
				"Chat": func() { _, _ = echotest.Gather(stub.Chat(ctx, echotest.Texts("a"))) },
			} {
				call()
				got := log.take(t, "span of "+kind)
				if test.end && slices.Equal(got, test.want[:1]) {
					continue // panics of an observer are logged now and then
				}
				panicked = panicked || slices.Contains(got, "panic")
				if !slices.Equal(got, test.want) {
					t.Errorf("%s: logged %q, want %q", kind, got, test.want)
				}
			}
			if test.end && !panicked {
				t.Error("no panic of the observer is logged")
			}
			if err := conn.Invoke(ctx, "/no.such.Service/Method", echotest.TenBytes, new(echotest.Text)); err == nil {
				t.Error("an unknown method is OK")
			}
			if got := log.take(t, "span of unknown"); !slices.Contains(got, "rpc") {
				t.Errorf("unknown method: logged %q", got)
			}
		})
	}
}
