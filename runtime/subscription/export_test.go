package subscription

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// TokenForTest returns the token of a position outside a call.
func TokenForTest(method, log string, p eventlog.Position) string {
	return newSealer(callctx.TokenRing(context.Background()), method, log).seal(p)
}

// NotRecoveredForTest returns what [Method.Resume] makes of an error.
func NotRecoveredForTest(err error) error { return notRecovered(err) }
