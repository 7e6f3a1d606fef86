//go:build !race

// The race detector adds allocations.

package stream_test

import (
	"context"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// TestMessagesCostNothing counts what 1000 more messages allocate on their way through.
func TestMessagesCostNothing(t *testing.T) {
	through := map[string]func(n int) runtime.Stream[number]{
		"pipe": func(n int) runtime.Stream[number] {
			p := stream.NewPipe[number](context.Background())
			go func() {
				for range n {
					_ = p.Send(one)
				}
				p.Close(nil)
			}()
			return p.Stream()
		},
		"duplex": func(n int) runtime.Stream[number] {
			return stream.Duplex(context.Background(), func(_ context.Context, send func(*number) error) error {
				for range n {
					if err := send(one); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	for name, open := range through {
		allocs := func(n int) float64 {
			return testing.AllocsPerRun(20, func() {
				for range open(n) {
				}
			})
		}
		if few, many := allocs(10), allocs(1010); many-few > 2 { // the goroutines' own, now and then
			t.Errorf("%s: 1000 more messages cost %v allocations", name, many-few)
		}
	}
}
