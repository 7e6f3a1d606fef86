package skeleton

import (
	"go/build"
	"log"
	"os/exec"
	"strings"
	"testing"
)

// TestMain tells go/build where the standard library is, which a test that is built with -trimpath does not know.
func TestMain(m *testing.M) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		log.Fatal(err)
	}
	build.Default.GOROOT = strings.TrimSpace(string(out))
	m.Run()
}
