package server_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// crashKey is the environment variable that selects where a process of this test panics.
const crashKey = "GRPCSERVICE_TEST_CRASH"

// crashes are the places of a panic, by name.
var crashes = map[string]func(t *testing.T){
	"method": func(t *testing.T) {
		_, _ = (echotest.Client{Rows: echotest.RowsOf(echotest.Table, crashServer(t, echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) { panic("the end") }}))}).One(t.Context(), new(text))
	},
	"iterator": func(t *testing.T) {
		many := func(context.Context, *text) runtime.Stream[text] {
			return func(func(*text, error) bool) { panic("the end") }
		}
		_, _ = streams.Collect((echotest.Client{Rows: echotest.RowsOf(echotest.Table, crashServer(t, echotest.Funcs{ManyFunc: many}))}).Many(t.Context(), new(text)))
	},
	"Go": func(t *testing.T) {
		_, _ = (echotest.Client{Rows: echotest.RowsOf(echotest.Table, crashServer(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
			runtime.Go(ctx, func(context.Context) error { panic("the end") })
			return req, nil
		}}))}).One(t.Context(), new(text))
	},
	"Recovered": func(t *testing.T) {
		_, _ = (echotest.Client{Rows: echotest.RowsOf(echotest.Table, crashServer(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (_ *text, err error) {
			defer func() { err = runtime.Recovered(ctx, recover()) }()
			panic("the end")
		}}))}).One(t.Context(), new(text))
	},
	"Background": func(t *testing.T) {
		conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			server.Register[echotest.Service](r, echotest.Table, echotest.Service(echotest.Funcs{}))
			r.(*server.Server).Background("worker", func(context.Context) error { panic("the end") })
		}, server.WithCrashOnPanic())
		_, _ = (echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}).One(t.Context(), new(text))
		<-t.Context().Done()
	},
	"Companion": func(t *testing.T) {
		_ = server.New(server.WithCrashOnPanic(), server.WithCompanions(panickyCompanion{})).Run(t.Context(), "127.0.0.1:0")
	},
}

// panickyCompanion is a companion that panics.
type panickyCompanion struct{}

func (panickyCompanion) Start(context.Context, *server.Server) (func(context.Context) error, error) {
	panic("the end")
}

// crashServer serves impl until a panic ends the process.
func crashServer(t *testing.T, impl echotest.Service) *grpc.ClientConn {
	return servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[echotest.Service](r, echotest.Table, impl) },
		server.WithCrashOnPanic(), server.WithPanicHandler(func(context.Context, any, []byte) {
			_, _ = os.Stderr.WriteString("the handler was told\n")
		}))
}

// TestCrashOnPanic runs itself in processes that panic, and looks at what they end with.
func TestCrashOnPanic(t *testing.T) {
	if at := os.Getenv(crashKey); at != "" {
		crashes[at](t)
		return
	}
	for name := range crashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashOnPanic$", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), crashKey+"="+name)
			var out bytes.Buffer
			cmd.Stderr, cmd.Stdout = &out, &out
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Fatalf("the process ended with %v:\n%s", err, out.String())
			}
			wants := []string{"panic: the end [WithCrashOnPanic]", "crash_test.go:"}
			if name != "Background" && name != "Companion" { // outside calls
				wants = append(wants, "the handler was told")
			}
			for _, want := range wants {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}
