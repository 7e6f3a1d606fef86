//go:build !race

// The race detector adds allocations.

package seal_test

import (
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// TestAllocations checks that sealing allocates only the token, and opening only the body.
func TestAllocations(t *testing.T) {
	r, body, expires := ring(t, newKey, oldKey), []byte("a body of usual length"), time.Now().Add(time.Hour)
	token := r.Seal(purpose, seal.Binding{1}, expires, body)
	if got := testing.AllocsPerRun(200, func() { _ = r.Seal(purpose, seal.Binding{1}, expires, body) }); got > 1 {
		t.Errorf("Seal: %v allocations, want 1", got)
	}
	if got := testing.AllocsPerRun(200, func() { _, _ = r.Open(purpose, seal.Binding{1}, token) }); got > 1 {
		t.Errorf("Open: %v allocations, want 1", got)
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	r, body, expires := ring(b, newKey, oldKey), []byte("a body of usual length"), time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(purpose, seal.Binding{1}, r.Seal(purpose, seal.Binding{1}, expires, body)); err != nil {
			b.Fatal(err)
		}
	}
}
