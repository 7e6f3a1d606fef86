package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// records is a log that a test can read.
type records struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *records) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: level}))
}

func (r *records) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Reset()
}

// named returns the records with this message.
func (r *records) named(t *testing.T, msg string) (found []map[string]any) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range bytes.Lines(r.buf.Bytes()) {
		record := map[string]any{}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if record["msg"] == msg {
			found = append(found, record)
		}
	}
	return found
}

// tenBytes is a request of ten bytes.
var tenBytes = wrapperspb.String("12345678")

// kinds calls each kind of RPC of an echoService and returns the error that the caller gets.
var kinds = map[string]func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error{
	"One": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return conn.Invoke(ctx, "/test.v1.Echo/One", tenBytes, new(text), opts...)
	},
	"Many": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Many", &grpc.StreamDesc{ServerStreams: true}, opts...)
	},
	"Join": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Join", &grpc.StreamDesc{ClientStreams: true}, opts...)
	},
	"Chat": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Chat", &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, opts...)
	},
}

// stream opens a stream, sends one message, closes its side and reads to the end.
func stream(ctx context.Context, conn *grpc.ClientConn, name string, desc *grpc.StreamDesc, opts ...grpc.CallOption) error {
	cs, err := conn.NewStream(ctx, desc, "/test.v1.Echo/"+name, opts...)
	if err != nil {
		return err
	}
	_ = cs.SendMsg(tenBytes) // RecvMsg tells why it failed
	if err := cs.CloseSend(); err != nil {
		return err
	}
	for {
		if err := cs.RecvMsg(new(text)); err != nil {
			return endOf(err)
		}
	}
}

// behaving returns an implementation all of whose methods do the same.
func behaving(do func(context.Context) error) echoFuncs {
	answer := func(ctx context.Context) (*text, error) {
		if err := do(ctx); err != nil {
			return nil, err
		}
		return wrapperspb.String("done"), nil
	}
	after := func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
		for _, err := range reqs {
			if err != nil {
				return nil, err
			}
		}
		return answer(ctx)
	}
	return echoFuncs{
		one: func(ctx context.Context, _ *text) (*text, error) { return answer(ctx) },
		many: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { yield(answer(ctx)) }
		},
		join: after,
		chat: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { yield(after(ctx, reqs)) }
		},
	}
}

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
			log := new(records)
			srv := startEcho(t, behaving(do.do), server.WithLogger(log.logger(slog.LevelInfo)))
			for kind, call := range kinds {
				err := call(testContext(t), srv.conn)
				if st := status.Convert(err); st.Code() != do.code || st.Message() != do.message {
					t.Errorf("%s answered %v, want %v %q", kind, err, do.code, do.message)
				}
			}
			if err := srv.end(); err != nil { // all records are out
				t.Error(err)
			}
			checkRecords(t, log, do.code, do.cause)
		})
	}
}

// checkRecords wants one record for each kind of RPC.
func checkRecords(t *testing.T, log *records, code codes.Code, cause string) {
	t.Helper()
	found := log.named(t, "rpc")
	if len(found) != len(kinds) {
		t.Errorf("%d access log records, want %d", len(found), len(kinds))
	}
	for _, record := range found {
		got, _ := record["error"].(string)
		if record["code"] != code.String() || !strings.HasSuffix(got, cause) {
			t.Errorf("record %v, want code %v and error %q", record, code, cause)
		}
		if id, _ := record["request_id"].(string); len(id) != 32 {
			t.Errorf("record %v has no request ID", record)
		}
		if method, _ := record["method"].(string); !strings.HasPrefix(method, echoName+"/") {
			t.Errorf("record %v has no method", record)
		}
	}
}

func TestPanicIsLoggedWithStackAndRequestID(t *testing.T) {
	log := new(records)
	handled := make(chan any, len(kinds))
	srv := startEcho(t, behaving(func(context.Context) error { panic("boom") }), server.WithLogger(log.logger(slog.LevelInfo)),
		server.WithPanicHandler(func(_ context.Context, value any, stack []byte) {
			handled <- value
			panic("in the handler too")
		}))
	for kind, call := range kinds {
		if err := call(metadata.AppendToOutgoingContext(testContext(t), "x-request-id", kind+"-1"), srv.conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v", kind, err)
		}
		if value := within(t, handled); value != "boom" {
			t.Errorf("the panic handler got %v", value)
		}
	}
	for _, record := range log.named(t, "panic") {
		method, _ := record["method"].(string)
		if record["request_id"] != strings.TrimPrefix(method, echoName+"/")+"-1" {
			t.Errorf("record %v is not of that request", record)
		}
		if stack, _ := record["stack"].(string); !strings.Contains(stack, "pipeline_test.go") {
			t.Errorf("the stack does not show the method:\n%s", stack)
		}
	}
	if n := len(log.named(t, "panic")); n != len(kinds) {
		t.Errorf("%d panic records, want %d", n, len(kinds))
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
			srv := startEcho(t, behaving(func(ctx context.Context) error {
				call, _ := runtime.CallFromContext(ctx)
				seen <- call.RequestID()
				return test.result
			}), server.WithLogger(new(records).logger(test.log)))
			for kind, call := range kinds {
				ctx := testContext(t)
				if test.sent != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", test.sent)
				}
				var header, trailer metadata.MD
				if err := call(ctx, srv.conn, grpc.Header(&header), grpc.Trailer(&trailer)); status.Code(err) != status.Code(test.result) {
					t.Fatal(err)
				}
				id := strings.Join(trailer["x-request-id"], ",")
				if in := within(t, seen); !test.echo(id) || id != "" && id != in {
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
	srv := startEcho(t, behaving(func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			left <- 0
			return nil
		}
		left <- time.Until(deadline)
		return nil
	}), server.WithDefaultTimeout(time.Hour))
	call := func(ctx context.Context, kind string) time.Duration {
		if err := kinds[kind](ctx, srv.conn); err != nil {
			t.Error(err)
		}
		return within(t, left)
	}
	if got := call(context.Background(), "One"); got < 59*time.Minute || got > time.Hour {
		t.Errorf("a unary call without deadline has %v left, want the hour of the option", got)
	}
	if got := call(testContext(t), "One"); got > 20*time.Second {
		t.Errorf("a unary call with a deadline of 20 s has %v left", got)
	}
	for _, kind := range []string{"Many", "Join", "Chat"} {
		if got := call(context.Background(), kind); got != 0 {
			t.Errorf("%s has a deadline in %v, streams have none by default", kind, got)
		}
	}
}

func TestDefaultTimeoutEndsTheCall(t *testing.T) {
	srv := startEcho(t, behaving(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}), server.WithDefaultTimeout(10*time.Millisecond))
	if err := kinds["One"](context.Background(), srv.conn); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
	}
}

func TestMethodsThatAnswerNothing(t *testing.T) {
	impl := echoFuncs{
		one:  func(context.Context, *text) (*text, error) { return nil, nil },
		many: func(context.Context, *text) runtime.Stream[text] { return nil },
		join: func(context.Context, runtime.Stream[text]) (*text, error) { return nil, nil },
		chat: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return runtime.Fail[text](nil) },
	}
	log := new(records)
	srv := startEcho(t, impl, server.WithLogger(log.logger(slog.LevelInfo)))
	for kind, call := range kinds {
		if err := call(testContext(t), srv.conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v, want INTERNAL", kind, err)
		}
	}
	if err := srv.end(); err != nil {
		t.Error(err)
	}
	for _, record := range log.named(t, "rpc") {
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
	log := new(records)
	srv := startEcho(t, behaving(func(context.Context) error {
		var broken *brokenError
		return broken
	}), server.WithLogger(log.logger(slog.LevelInfo)))
	for kind, call := range kinds {
		if err := call(testContext(t), srv.conn); status.Code(err) != codes.Internal {
			t.Errorf("%s answered %v, want INTERNAL", kind, err)
		}
	}
	if err := srv.end(); err != nil {
		t.Error(err)
	}
	if n := len(log.named(t, "rpc")); n != len(kinds) {
		t.Errorf("%d records, want %d", n, len(kinds))
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
	srv := startEcho(t, behaving(func(ctx context.Context) error { note(ctx, "method"); return nil }),
		server.WithUnaryInterceptors(unary("first"), unary("second"), unary("third")),
		server.WithStreamInterceptors(streams("first"), streams("second"), streams("third")),
		server.WithGRPCOptions(grpc.ChainUnaryInterceptor(unary("grpc's")), grpc.ChainStreamInterceptor(streams("grpc's"))))
	for kind, call := range kinds {
		order = nil
		if err := call(testContext(t), srv.conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got, want := strings.Join(order, " "), "grpc's outside first second third method"; got != want {
			t.Errorf("%s ran %q, want %q", kind, got, want)
		}
	}
}

func TestHealthChecksAreQuietInTheLog(t *testing.T) {
	log := new(records)
	srv := startEcho(t, echoFuncs{}, server.WithLogger(log.logger(slog.LevelInfo)))
	if _, err := healthpb.NewHealthClient(srv.conn).Check(testContext(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	if err := srv.end(); err != nil {
		t.Error(err)
	}
	if found := log.named(t, "rpc"); len(found) != 0 {
		t.Errorf("health checks are logged: %v", found)
	}
}
