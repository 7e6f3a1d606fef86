package join_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/join"
)

func TestGroup(t *testing.T) {
	for range 200 {
		var g join.Group
		var all sync.WaitGroup
		var running atomic.Int64
		for range 4 {
			all.Go(func() {
				for range 100 {
					if g.Enter() {
						running.Add(1)
						all.Go(func() { running.Add(-1); g.Leave() })
					}
				}
			})
		}
		<-g.Ended()
		if n := running.Load(); n != 0 {
			t.Fatalf("%d goroutines run after the end", n)
		}
		<-g.Ended()
		all.Wait()
		if g.Enter() {
			t.Fatal("a goroutine entered after the end")
		}
	}
}
