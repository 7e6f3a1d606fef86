package operation_test

import (
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
