package orca_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoXDSIsLinked checks that balancing by load costs no xDS client.
func TestNoXDSIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(dep, "google.golang.org/grpc/xds") ||
			strings.HasPrefix(dep, "google.golang.org/grpc/internal/xds") {
			t.Errorf("the package links %s", dep)
		}
	}
}
