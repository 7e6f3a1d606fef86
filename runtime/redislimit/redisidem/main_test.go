package redisidem

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
			return !strings.Contains(string(buf[:goruntime.Stack(buf, true)]), "redisidem.(*requester)")
		})
	})
}

// generous is a timeout for tests that are not about timeouts, on a busy machine.
const generous = 10e9

// newStore returns a store that waits for a busy machine.
func newStore(t testing.TB, client redis.Scripter, opts ...Option) *Store {
	t.Helper()
	s, err := New(client, append([]Option{WithTimeout(generous)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
