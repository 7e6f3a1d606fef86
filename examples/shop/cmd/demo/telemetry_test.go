package main

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
)

// TestTelemetry starts two replicas as the demo does, and checks that a job is one trace, and what a
// scrape and the admin page show of it.
func TestTelemetry(t *testing.T) {
	bin := t.TempDir()
	if err := process.Build(t.Context(), bin, "server"); err != nil {
		t.Fatal(err)
	}
	platform, err := startPlatform(t.Context(), bin)
	if err != nil {
		t.Fatal(err)
	}
	defer platform.stop()
	for variable, value := range platform.tracing("demo") {
		t.Setenv(variable, value) // removed after the test
	}
	logs := make([]bytes.Buffer, 2)
	replicas, err := startReplicas(t.Context(), platform, bin, logs)
	for _, replica := range replicas {
		defer replica.Kill()
	}
	if err == nil {
		err = playTelemetry(t.Context(), platform, replicas)
	}
	for i, replica := range replicas {
		if signalErr := replica.Signal(syscall.SIGTERM); signalErr != nil {
			t.Error(signalErr)
		}
		if waitErr := replica.Wait(); waitErr != nil {
			t.Errorf("replica %d: %v", i+1, waitErr)
		}
	}
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, &logs[0], &logs[1])
	}
	if !bytes.Contains(logs[1].Bytes(), []byte("trace_id=")) {
		t.Errorf("no record of the replica that ran the job has a trace:\n%s", &logs[1])
	}
}
