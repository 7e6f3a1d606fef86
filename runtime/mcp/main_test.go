package mcp_test

import (
	"os"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		serveChild()
		return
	}
	echotest.Main(m)
}
