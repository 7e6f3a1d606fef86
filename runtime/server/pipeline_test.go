package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestEachKindAnswers(t *testing.T) {
	for name, do := range map[string]struct {
		do      func(context.Context) error
		code    codes.Code
		message string
		cause   string // in the log
	}{
		"success":     {func(context.Context) error { return nil }, codes.OK, "", ""},
		"status":      {func(context.Context) error { return status.Error(codes.NotFound, "no") }, codes.NotFound, "no", "no"},
		"plain error": {func(context.Context) error { return errors.New("secret") }, codes.Unknown, "unknown error", "secret"},
		"panic":       {func(context.Context) error { panic("secret") }, codes.Internal, "internal error", "panic: secret"},
		"deadline":    {func(context.Context) error { return context.DeadlineExceeded }, codes.DeadlineExceeded, "deadline exceeded", "context deadline exceeded"},
		"goroutine panic": {func(ctx context.Context) error {
			runtime.Go(ctx, func(context.Context) error { panic("secret") })
			return nil
		}, codes.Internal, "internal error", "panic: secret"},
		"goroutine error": {func(ctx context.Context) error {
			runtime.Go(ctx, func(context.Context) error { return status.Error(codes.Aborted, "lost") })
			return nil
		}, codes.Aborted, "lost", "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(echotest.Records)
			srv := echotest.Start(t, echotest.Behaving(do.do), server.WithLogger(log.Logger(slog.LevelInfo)))
			for kind, call := range echotest.Kinds {
				err := call(echotest.Context(t), srv.Conn)
				if st := status.Convert(err); st.Code() != do.code || st.Message() != do.message {
					t.Errorf("%s answered %v, want %v %q", kind, err, do.code, do.message)
				}
			}
			if err := srv.Stop(); err != nil { // all records are out
				t.Error(err)
			}
			echotest.CheckRecords(t, log, do.code, do.cause)
		})
	}
}

func TestPanicIsLoggedWithStackAndRequestID(t *testing.T) {
	log := new(echotest.Records)
	handled := make(chan any, len(echotest.Kinds))
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { panic("boom") }), server.WithLogger(log.Logger(slog.LevelInfo)),
		server.WithPanicHandler(func(_ context.Context, value any, stack []byte) {
			handled <- value
			panic("in the handler too")
		}))
	for kind, call := range echotest.Kinds {
		if err := call(metadata.AppendToOutgoingContext(echotest.Context(t), "x-request-id", kind+"-1"), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v", kind, err)
		}
		if value := echotest.Within(t, handled); value != "boom" {
			t.Errorf("the panic handler got %v", value)
		}
	}
	for _, record := range log.Named(t, "panic") {
		method, _ := record["method"].(string)
		if record["request_id"] != strings.TrimPrefix(method, echotest.Name+"/")+"-1" {
			t.Errorf("record %v is not of that request", record)
		}
		if stack, _ := record["stack"].(string); !strings.Contains(stack, "pipeline_test.go") {
			t.Errorf("the stack does not show the method:\n%s", stack)
		}
	}
	if n := len(log.Named(t, "panic")); n != len(echotest.Kinds) {
		t.Errorf("%d panic records, want %d", n, len(echotest.Kinds))
	}
}

func TestRequestIDReachesMethodAndCaller(t *testing.T) {
	seen := make(chan string, 1)
	fail := status.Error(codes.NotFound, "no")
	for name, test := range map[string]struct {
		sent   string
		result error
		log    slog.Level
		echo   func(id string) bool
	}{
		"sent, failed":          {"abc", fail, slog.LevelInfo, func(id string) bool { return id == "abc" }},
		"sent, succeeded":       {"abc", nil, slog.LevelInfo, func(id string) bool { return id == "" }},
		"made, failed":          {"", fail, slog.LevelError, func(id string) bool { return len(id) == 32 }},
		"made, succeeded":       {"", nil, slog.LevelInfo, func(id string) bool { return id == "" }},
		"unfit for use, failed": {"a b", fail, slog.LevelError, func(id string) bool { return len(id) == 32 }},
	} {
		t.Run(name, func(t *testing.T) {
			srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
				call, _ := runtime.CallFromContext(ctx)
				seen <- call.RequestID()
				return test.result
			}), server.WithLogger(new(echotest.Records).Logger(test.log)))
			for kind, call := range echotest.Kinds {
				ctx := echotest.Context(t)
				if test.sent != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", test.sent)
				}
				var header, trailer metadata.MD
				if err := call(ctx, srv.Conn, grpc.Header(&header), grpc.Trailer(&trailer)); status.Code(err) != status.Code(test.result) {
					t.Fatal(err)
				}
				id := strings.Join(trailer["x-request-id"], ",")
				if in := echotest.Within(t, seen); !test.echo(id) || id != "" && id != in {
					t.Errorf("%s: the method saw the id %q, the trailer says %q", kind, in, id)
				}
				if len(header["x-request-id"]) != 0 {
					t.Errorf("%s: header %v would end retries", kind, header)
				}
			}
		})
	}
}

func TestDefaultTimeout(t *testing.T) {
	left := make(chan time.Duration, 1)
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			left <- 0
			return nil
		}
		left <- time.Until(deadline)
		return nil
	}), server.WithDefaultTimeout(time.Hour))
	call := func(ctx context.Context, kind string) time.Duration {
		if err := echotest.Kinds[kind](ctx, srv.Conn); err != nil {
			t.Error(err)
		}
		return echotest.Within(t, left)
	}
	if got := call(echotest.NoDeadline(t), "One"); got < 59*time.Minute || got > time.Hour {
		t.Errorf("a unary call without deadline has %v left, want the hour of the option", got)
	}
	if got := call(echotest.Context(t), "One"); got > 20*time.Second {
		t.Errorf("a unary call with a deadline of 20 s has %v left", got)
	}
	for _, kind := range []string{"Many", "Join", "Chat"} {
		if got := call(echotest.NoDeadline(t), kind); got != 0 {
			t.Errorf("%s has a deadline in %v, streams have none by default", kind, got)
		}
	}
}

func TestDefaultTimeoutEndsTheCall(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}), server.WithDefaultTimeout(10*time.Millisecond))
	err := echotest.Kinds["One"](echotest.NoDeadline(t), srv.Conn)
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
	}
}

func TestMethodsThatAnswerNothing(t *testing.T) {
	impl := echotest.Funcs{
		OneFunc:  func(context.Context, *text) (*text, error) { return nil, nil },
		ManyFunc: func(context.Context, *text) runtime.Stream[text] { return nil },
		JoinFunc: func(context.Context, runtime.Stream[text]) (*text, error) { return nil, nil },
		ChatFunc: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return runtime.Fail[text](nil) },
	}
	log := new(echotest.Records)
	srv := echotest.Start(t, impl, server.WithLogger(log.Logger(slog.LevelInfo)))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v, want INTERNAL", kind, err)
		}
	}
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	for _, record := range log.Named(t, "rpc") {
		if cause, _ := record["error"].(string); !strings.Contains(cause, "neither") && !strings.Contains(cause, "nil stream") {
			t.Errorf("the log does not say what is wrong: %v", record)
		}
	}
}

// brokenError cannot be used without a value.
type brokenError struct{ text string }

func (e *brokenError) Error() string              { return e.text }
func (e *brokenError) GRPCStatus() *status.Status { return status.New(codes.NotFound, e.text) }

func TestANilPointerAsAnErrorEndsOnlyItsCall(t *testing.T) {
	log := new(echotest.Records)
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error {
		var broken *brokenError
		return broken
	}), server.WithLogger(log.Logger(slog.LevelInfo)))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v, want INTERNAL", kind, err)
		}
	}
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	if n := len(log.Named(t, "rpc")); n != len(echotest.Kinds) {
		t.Errorf("%d records, want %d", n, len(echotest.Kinds))
	}
}

func TestInterceptorsRunInOrderInsideTheCall(t *testing.T) {
	var order []string
	note := func(ctx context.Context, name string) {
		if _, ok := runtime.CallFromContext(ctx); !ok {
			name += " outside"
		}
		order = append(order, name)
	}
	unary := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			note(ctx, name)
			return handler(ctx, req)
		}
	}
	streams := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			note(ss.Context(), name)
			return handler(srv, ss)
		}
	}
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error { note(ctx, "method"); return nil }),
		server.WithUnaryInterceptors(unary("first"), unary("second"), unary("third")),
		server.WithStreamInterceptors(streams("first"), streams("second"), streams("third")),
		server.WithGRPCOptions(grpc.ChainUnaryInterceptor(unary("grpc's")), grpc.ChainStreamInterceptor(streams("grpc's"))))
	for kind, call := range echotest.Kinds {
		order = nil
		if err := call(echotest.Context(t), srv.Conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got, want := strings.Join(order, " "), "grpc's outside first second third method"; got != want {
			t.Errorf("%s ran %q, want %q", kind, got, want)
		}
	}
}

func TestHealthChecksAreQuietInTheLog(t *testing.T) {
	log := new(echotest.Records)
	srv := echotest.Start(t, echotest.Funcs{}, server.WithLogger(log.Logger(slog.LevelInfo)))
	if _, err := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	if found := log.Named(t, "rpc"); len(found) != 0 {
		t.Errorf("health checks are logged: %v", found)
	}
}
