package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// The settings of a server process, as variables of its environment.
const (
	envDelay   = "E2E_DRAIN_DELAY"
	envTimeout = "E2E_SHUTDOWN_TIMEOUT"
)

// drainingService ends its streams when the server drains, as a service should.
type drainingService struct{ kindsService }

func (s drainingService) ServerStream(ctx context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	if req.GetFault() == kindsv1.Fault_FAULT_WAIT { // which does not care
		return s.kindsService.ServerStream(ctx, req)
	}
	return func(yield func(*kindsv1.Response, error) bool) {
		if yield(&kindsv1.Response{}, nil) {
			<-runtime.Draining(ctx)
		}
	}
}

// servedAsProcess serves until a signal comes, if the environment says that this process is a
// server.
func servedAsProcess() bool {
	if os.Getenv(envDelay) == "" {
		return false
	}
	delay, _ := time.ParseDuration(os.Getenv(envDelay))
	timeout, _ := time.ParseDuration(os.Getenv(envTimeout))
	srv := server.New(server.WithLogger(slog.New(slog.NewJSONHandler(os.Stderr, nil))),
		server.WithDrainDelay(delay), server.WithShutdownTimeout(timeout))
	kindsv1service.RegisterKindsService(srv, drainingService{})
	if err := srv.Run(context.Background(), "127.0.0.1:0"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return true
}

// process is a server in a separate process.
type process struct {
	cmd    *exec.Cmd
	stdout strings.Builder
	exited chan struct{}
	client kindsv1service.KindsService
	conn   *grpc.ClientConn
}

// startProcess starts a server and connects to it.
func startProcess(t *testing.T, delay, timeout time.Duration) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), envDelay+"="+delay.String(), envTimeout+"="+timeout.String())
	p.cmd.Stdout = &p.stdout
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(p.exited)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var record struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &record); record.Msg == "serving" {
				address <- record.Address
			}
		}
		_ = p.cmd.Wait() // the test looks at ProcessState
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.conn = connect(t, within(t, address))
	p.client = kindsv1service.NewKindsServiceClient(p.conn)
	return p
}

// signal sends a signal.
func (p *process) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the end and returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	within(t, p.exited)
	return p.cmd.ProcessState.ExitCode()
}

// openStream opens a stream with one response, waits for that, and sends the stream's end.
func (p *process) openStream(t *testing.T, req *kindsv1.Request) <-chan error {
	t.Helper()
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var last error
		for _, last = range p.client.ServerStream(testContext(t), req) {
			if last == nil {
				close(opened)
			}
		}
		ended <- last
	}()
	within(t, opened)
	return ended
}

// slowUnary starts a call that ignores its context for a time, and sends its end.
func (p *process) slowUnary(t *testing.T, takes time.Duration) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.Unary(testContext(t), &kindsv1.Request{Fault: kindsv1.Fault_FAULT_IGNORE_CONTEXT, Delay: durationpb.New(takes)})
		ended <- err
	}()
	return ended
}

func TestSIGTERMWithEverythingOpen(t *testing.T) {
	// Calls must arrive in the drain delay.
	p := startProcess(t, 2*time.Second, time.Minute)
	open := p.openStream(t, &kindsv1.Request{})
	health, err := healthpb.NewHealthClient(p.conn).Watch(testContext(t), &healthpb.HealthCheckRequest{Service: kindsv1service.KindsServiceName})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := health.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health: %v, %v", first, err)
	}
	slow := p.slowUnary(t, time.Second)
	begin := time.Now()
	p.signal(t, syscall.SIGTERM)
	if next, err := health.Recv(); err != nil || next.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health after SIGTERM: %v, %v", next, err)
	}
	if _, err := health.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v", err)
	}
	if _, err := stream.Collect(p.client.Bidi(testContext(t), stream.Of(&kindsv1.Request{}))); err != nil {
		t.Errorf("a call in the drain delay: %v", err)
	}
	if err := within(t, open); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if err := within(t, slow); err != nil {
		t.Errorf("the slow call ended with %v", err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stdout.String())
	}
	if took := time.Since(begin); took > 15*time.Second { // the shutdown may take a minute
		t.Errorf("it took %v", took)
	}
}

func TestSIGTERMCutsOffWhatStays(t *testing.T) {
	p := startProcess(t, time.Millisecond, 2*time.Second) // in which the other stream ends
	stubborn := p.openStream(t, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_WAIT, After: 1})
	p.openStream(t, &kindsv1.Request{})
	p.signal(t, syscall.SIGTERM)
	if err := within(t, stubborn); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream got %v, want UNAVAILABLE", err)
	}
	if code := p.wait(t); code != 1 || !strings.Contains(p.stdout.String(), "kinds.v1.KindsService/ServerStream (1)") {
		t.Errorf("exit code %d: %s", code, p.stdout.String())
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	p := startProcess(t, time.Hour, time.Hour)
	open := p.openStream(t, &kindsv1.Request{})
	health, err := healthpb.NewHealthClient(p.conn).Watch(testContext(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	for err == nil { // until the server has taken the first signal
		_, err = health.Recv()
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 0 && !strings.Contains(p.stdout.String(), "ServerStream") {
		t.Errorf("exit code %d: %s", code, p.stdout.String())
	}
	within(t, open)
}

func TestSIGINTSkipsTheDrainDelay(t *testing.T) {
	p := startProcess(t, time.Hour, 10*time.Second)
	open := p.openStream(t, &kindsv1.Request{})
	p.signal(t, os.Interrupt)
	if err := within(t, open); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stdout.String())
	}
}
