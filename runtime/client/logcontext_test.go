package client_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

type spanKey struct{}

// spans is an observer that puts a span into the context of each call, and logs its end.
type spans struct{}

func (spans) Bind(runtime.MethodInfo) runtime.MethodObserver { return spans{} }

func (spans) Begin(ctx context.Context, call runtime.Call) context.Context {
	return context.WithValue(ctx, spanKey{}, "span of "+call.Method().Name)
}

func (spans) End(_ context.Context, call runtime.Call, outcome runtime.Outcome) {
	call.Logger().Info(status.Code(outcome.Err).String())
}

// failing is an observer that panics at the end of calls.
type failing struct{}

func (failing) Bind(runtime.MethodInfo) runtime.MethodObserver { return failing{} }

func (failing) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }

func (failing) End(context.Context, runtime.Call, runtime.Outcome) { panic("end") }

// spanLog is a handler that reads the span of each record's context.
type spanLog struct {
	mu      sync.Mutex
	records []string
}

func (*spanLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *spanLog) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	span, _ := ctx.Value(spanKey{}).(string)
	l.records = append(l.records, r.Message+" in "+span)
	return nil
}

func (l *spanLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *spanLog) WithGroup(string) slog.Handler { return l }

// TestLogsHaveTheSpanOfTheirCall checks that what the client logs of a call, and what observers log
// with its logger, has the context with what observers added.
func TestLogsHaveTheSpanOfTheirCall(t *testing.T) {
	log, before := new(spanLog), slog.Default()
	slog.SetDefault(slog.New(log))
	defer slog.SetDefault(before)
	var fail error
	conn := observedConn(t, echotest.Behaving(func(context.Context) error { return fail }),
		client.WithObservers(spans{}, failing{}))
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	panicked := false
	for _, fail = range []error{nil, status.Error(codes.NotFound, "no")} {
		for kind, call := range map[string]func(){
			"One":  func() { _, _ = stub.One(ctx, echotest.TenBytes) },
			"Many": func() { _ = drain(stub.Many(ctx, echotest.TenBytes)) },
			"Join": func() { _, _ = stub.Join(ctx, echotest.Texts("a")) },
			"Chat": func() { _ = drain(stub.Chat(ctx, echotest.Texts("a"))) },
		} {
			call()
			log.mu.Lock()
			own := slices.DeleteFunc(log.records, func(r string) bool { // those of the server in this process
				return r != "panic in span of "+kind && r != status.Code(fail).String()+" in span of "+kind
			})
			panicked = panicked || slices.Contains(own, "panic in span of "+kind)
			if !slices.Contains(own, status.Code(fail).String()+" in span of "+kind) {
				t.Errorf("%s: logged %q", kind, own)
			}
			log.records = nil
			log.mu.Unlock()
		}
	}
	if !panicked {
		t.Error("no panic of the observer is logged with a span")
	}
}
