package plugin_test

import (
	"log"
	"os"
	"testing"
)

// scratch is a directory that several tests share.
var scratch string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

// runAll runs the tests and removes scratch.
func runAll(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "plugin"); err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}
