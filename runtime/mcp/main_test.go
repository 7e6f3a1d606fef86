package mcp_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

func TestMain(m *testing.M) { echotest.Main(m) }
