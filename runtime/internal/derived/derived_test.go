package derived_test

import (
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/derived"
)

// TestValues checks that concurrent stores of an owner and a variant agree on one value.
func TestValues(t *testing.T) {
	for range 100 {
		var values derived.Values
		if values.Load("a", nil) != nil {
			t.Fatal("a new cache has a value")
		}
		var running sync.WaitGroup
		got := make([]any, 12)
		for i := range got {
			running.Go(func() { got[i] = values.LoadOrStore("owner", i%3, i) })
		}
		running.Wait()
		for i := range got {
			if got[i] != got[i%3] || values.Load("owner", i%3) != got[i] || got[i].(int)%3 != i%3 {
				t.Fatalf("variant %d has the values %v", i%3, got)
			}
		}
		if values.Load("other", 0) != nil || values.Load("owner", nil) != nil {
			t.Fatal("a value of another owner or variant was found")
		}
	}
}
