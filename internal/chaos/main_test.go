//go:build linux

package chaos

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/chaos/faults"
	"github.com/grpcservice/grpcservice/internal/chaos/replica"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

// TestMain runs the tests, or what a test has started: a replica or a NATS server.
func TestMain(m *testing.M) {
	replica.Run()
	if dir := os.Getenv(natsDir); dir != "" {
		faults.EndWithParent()
		if err := runNATS(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// Variables of a process that is a NATS server.
const (
	natsDir  = "GRPCSERVICE_CHAOS_NATS_DIR"
	natsPort = "GRPCSERVICE_CHAOS_NATS_PORT"
)

// runNATS runs a NATS server until SIGTERM.
func runNATS(dir string) error {
	port, err := strconv.Atoi(os.Getenv(natsPort))
	if err != nil {
		return err
	}
	server, err := natstest.Run(dir, natstest.WithPort(port))
	// Something else may have the port for a moment, since the last server was killed.
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		server, err = natstest.Run(dir, natstest.WithPort(port))
	}
	if err != nil {
		return err
	}
	defer server.Stop()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	return nil
}
