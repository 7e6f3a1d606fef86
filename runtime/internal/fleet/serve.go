package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// variable has the name of the server that a process is; without it, the process runs tests.
const variable = "GRPCSERVICE_FLEET_SERVER"

// Main runs the tests of a package, or the server that such a test has started.
func Main(m *testing.M) {
	name := os.Getenv(variable)
	if name == "" {
		echotest.Main(m)
		return
	}
	if err := serve(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	// DrainDelay is how long a server that drains reports NOT_SERVING before it stops listening.
	DrainDelay = 200 * time.Millisecond
	// Work is how long a call takes.
	Work = 25 * time.Millisecond
)

// FailingName is the first part of the names of servers whose calls fail although their health
// checks succeed.
const FailingName = "failing"

// serve serves until SIGTERM, and then drains.
func serve(name string) error {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	srv := server.New(server.WithDrainDelay(DrainDelay), server.WithShutdownTimeout(10*time.Second))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{
		OneFunc: func(ctx context.Context, _ *echotest.Text) (*echotest.Text, error) {
			if strings.HasPrefix(name, FailingName) {
				return nil, fmt.Errorf("%s fails", name)
			}
			time.Sleep(Work)
			return wrapperspb.String(name), nil
		},
	})
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(lis.Addr())
	return srv.Serve(ctx, lis)
}
