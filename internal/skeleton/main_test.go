package skeleton

import (
	"go/build"
	"log"
	"os/exec"
	"strings"
	"testing"
)

// TestMain sets the directory of the standard library for go/build, because a test built with
// -trimpath does not know it.
func TestMain(m *testing.M) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		log.Fatal(err)
	}
	build.Default.GOROOT = strings.TrimSpace(string(out))
	m.Run()
}
