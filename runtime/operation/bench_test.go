package operation_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// BenchmarkOperation is an operation from its start to its end, in memory.
func BenchmarkOperation(b *testing.B) {
	s := open(b, operation.Memory(), runtime.Operation{}, result("painted", nil))
	defer s.stop()
	b.ReportAllocs()
	for b.Loop() {
		s.end(b.Context(), s.start(b.Context(), `parent: "houses/1"`).GetName())
	}
}

// BenchmarkMemoryAmong creates, cancels and deletes an operation among others, whose number makes
// no difference.
func BenchmarkMemoryAmong(b *testing.B) {
	for _, others := range []int{1000, 1_000_000} {
		b.Run(strconv.Itoa(others), func(b *testing.B) {
			store := operation.Memory(operation.WithMaxBytes(math.MaxInt))
			name := func(i int) string { return fmt.Sprintf("parents/%d/operations/%d", i%100, i) }
			create := func(i int) {
				op := &operation.Record{
					Name: name(i), Method: "/a.B/C", Principal: strconv.Itoa(i % 1000),
				}
				if _, _, err := store.Create(b.Context(), op, false); err != nil {
					b.Fatal(err)
				}
			}
			for i := range others {
				create(i)
			}
			b.ReportAllocs()
			for i := others; b.Loop(); i++ {
				create(i)
				if _, err := store.RequestCancel(b.Context(), name(i), operation.Result{}); err != nil {
					b.Fatal(err)
				}
				if err := store.Delete(b.Context(), name(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
