package callcreds_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// TestMain lets the tests use the echo service.
func TestMain(m *testing.M) { echotest.Main(m) }
