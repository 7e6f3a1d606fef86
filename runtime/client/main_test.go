package client_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/internal/fleet"
)

// TestMain lets the tests use the echo service, also in processes of their own.
func TestMain(m *testing.M) { fleet.Main(m) }

// text is the message of all its RPCs.
type text = echotest.Text
