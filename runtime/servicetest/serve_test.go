package servicetest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func (t *fakeT) Log(args ...any) { t.logs = append(t.logs, fmt.Sprint(args...)) }

func (t *fakeT) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	goruntime.Goexit()
}

// run runs a test on the fake.
func (t *fakeT) run(test func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.end()
		test()
	}()
	<-done
}

func TestServeRunsTheRealPipeline(t *testing.T) {
	NoLeaks(t)
	conn := Serve(t, register(everyKind(func(context.Context) error { panic("no books") })))
	_, err := client.Unary[text](t.Context(), client.Bind(conn, kindsTable.Methods()[0]), new(text))
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "no books") {
		t.Errorf("got %v", err)
	}
	resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: kindsName})
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", resp, err)
	}
}

// TestServeTakesLargeMessages checks that messages larger than the buffer of a connection pass.
func TestServeTakesLargeMessages(t *testing.T) {
	NoLeaks(t)
	conn := Serve(t, register(goodServices["echo"]))
	big := wrapperspb.String(strings.Repeat("x", 3<<20))
	resp, err := client.Unary[text](t.Context(), client.Bind(conn, kindsTable.Methods()[0]), big)
	if err != nil || len(resp.GetValue()) != 3<<20 {
		t.Errorf("got %d bytes, %v", len(resp.GetValue()), err)
	}
}

func TestServeLogsToTheTestWhileItRuns(t *testing.T) {
	fake := new(fakeT)
	var logger *slog.Logger
	fake.run(func() {
		conn := Serve(fake, register(everyKind(func(ctx context.Context) error {
			call, _ := runtime.CallFromContext(ctx)
			logger = call.Logger()
			panic("no books")
		})))
		_, _ = client.Unary[text](context.Background(), client.Bind(conn, kindsTable.Methods()[0]), new(text))
	})
	log := strings.Join(fake.logs, "\n")
	wantText(t, log, "level=ERROR msg=panic", `panic="no books"`, "\nruntime/debug.Stack()\n\t", "msg=rpc method=test.v1.Kinds/One", "msg=stopped")
	logger.Error("after the test")
	if len(fake.failures) > 0 || strings.Contains(strings.Join(fake.logs, "\n"), "after the test") || strings.Contains(log, "time=") {
		t.Errorf("failures: %q, log:\n%s", fake.failures, log)
	}
}

func TestServeTakesALogger(t *testing.T) {
	fake, out := new(fakeT), new(bytes.Buffer)
	fake.run(func() { Serve(fake, register(funcs{}), server.WithLogger(slog.New(slog.NewTextHandler(out, nil)))) })
	if len(fake.logs) > 0 || !strings.Contains(out.String(), "msg=stopped") {
		t.Errorf("the test's log: %q; the logger's: %s", fake.logs, out)
	}
}

// TestServeEndsTheTestThatCannotStart checks that a server that cannot start ends the test at the
// call of Serve.
func TestServeEndsTheTestThatCannotStart(t *testing.T) {
	NoLeaks(t)
	for want, start := range map[string]func(t testing.TB){
		"test.v1.Kinds: the implementation is nil": func(t testing.TB) { Serve(t, register(nil)) },
		"WithDrainDelay(-1ns): a delay cannot be":  func(t testing.TB) { Serve(t, register(funcs{}), server.WithDrainDelay(-1)) },
	} {
		fake, went := new(fakeT), false
		fake.run(func() { start(fake); went = true })
		if went || len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "servicetest: the server did not start: "+want) {
			t.Errorf("went on: %v, failures: %q", went, fake.failures)
		}
	}
}

// TestStart checks that without a test, the caller receives errors.
func TestStart(t *testing.T) {
	NoLeaks(t)
	conn, stop, err := Start(register(funcs{}), server.WithDrainDelay(-1))
	want := "the server did not start: WithDrainDelay(-1ns): a delay cannot be"
	if conn != nil || stop != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	conn, stop, err = Start(register(everyKind(func(context.Context) error { return nil })))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Unary[text](t.Context(), client.Bind(conn, kindsTable.Methods()[0]), new(text)); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestServeFailsTheTestWhoseMethodsStay checks that a method that keeps running without a caller
// fails the test.
func TestServeFailsTheTestWhoseMethodsStay(t *testing.T) {
	t.Parallel() // it waits for the whole shutdown timeout
	fake, open, begun := new(fakeT), make(chan struct{}), make(chan struct{})
	defer close(open)
	fake.run(func() {
		conn := Serve(fake, register(everyKind(func(context.Context) error {
			close(begun)
			<-open
			return nil
		})), server.WithShutdownTimeout(0))
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-begun
			cancel()
		}()
		_, _ = client.Unary[text](ctx, client.Bind(conn, kindsTable.Methods()[0]), new(text))
	})
	if len(fake.failures) != 1 {
		t.Fatalf("failures: %q", fake.failures)
	}
	wantText(t, fake.failures[0], "servicetest: the server did not shut down properly: ", "test.v1.Kinds/One (1)")
}
