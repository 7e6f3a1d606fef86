//go:build !race

package admin_test

import (
	"context"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestCallsAllocateNothing checks what the page costs a call that succeeds.
func TestCallsAllocateNothing(t *testing.T) {
	observer := admin.New().Bind(runtime.NewMethodInfo("test.v1.Echo", "One", runtime.KindUnary, runtime.Policy{}))
	ctx := context.Background()
	if n := alloctest.Least(func() { observer.End(observer.Begin(ctx, nil), nil, runtime.Outcome{Duration: 1234567}) }); n != 0 {
		t.Errorf("a call costs %v allocations", n)
	}
}
