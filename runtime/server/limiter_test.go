package server_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/server/limittest"
)

// TestLocalLimiter tests the limiter of servers without WithRateLimiter.
func TestLocalLimiter(t *testing.T) {
	limittest.Run(t, func(*testing.T) server.RateLimiter { return server.LocalLimiter })
}
