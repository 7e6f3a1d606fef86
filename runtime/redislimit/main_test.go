package redislimit

import (
	"context"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// TestMain keeps what go-redis says about lost connections out of the output of the tests.
func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	echotest.Main(m)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// noLeaks checks, after everything that the test has started is closed, that no goroutine of the
// package remains.
func noLeaks(t *testing.T) {
	t.Cleanup(func() {
		buf := make([]byte, 1<<20)
		redistest.Until(t, "the goroutines end", func() bool {
			stacks := string(buf[:goruntime.Stack(buf, true)])
			return !strings.Contains(stacks, "redislimit.(*requester)") &&
				!strings.Contains(stacks, "redislimit.(*circuit)") && !strings.Contains(stacks, "redislimit.(*returns)")
		})
	})
}
