package operation_test

import (
	stdruntime "runtime"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/operation/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) operation.Store { return operation.Memory() })
}

func TestMemoryIsShared(t *testing.T) {
	storetest.RunShared(t, func(_ *testing.T, maxBytes int) operation.Store {
		return operation.Memory(operation.WithMaxBytes(maxBytes))
	})
}

// The bytes that it counts are at least those that it takes, whoever has the operations and however
// large they are.
func TestMemoryTakesNoMoreThanItsBytes(t *testing.T) {
	const maxBytes = 32 << 20
	for name, test := range map[string]struct {
		principals, request, response int
		unfinished                    bool
	}{
		"one principal":         {principals: 1},
		"a principal for each":  {principals: 1 << 30},
		"large responses":       {principals: 10, response: 100_000},
		"large requests":        {principals: 10, request: 3 << 20},
		"large ones not done":   {principals: 10, request: 300_000, unfinished: true},
		"small ones not done":   {principals: 3, unfinished: true},
		"many of each not done": {principals: 1 << 30, unfinished: true},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			s := operation.Memory(operation.WithMaxBytes(maxBytes))
			for i := range max(500, min(30_000, 3*maxBytes/(test.response+test.request+1))) {
				id := strconv.Itoa(i)
				_, _, err := s.Create(t.Context(), &operation.Record{
					Name: "operations/" + id, Method: "/test.v1.Jobs/Run", Principal: "https://id.example.com|" + strconv.Itoa(i%test.principals),
					IdempotencyKey: id, ConflictKey: id, Carrier: map[string]string{"traceparent": id}, Scopes: []string{"jobs.write"},
					Request: make([]byte, test.request), Lease: time.Hour, Retain: time.Hour,
				}, false)
				if err != nil {
					if test.unfinished {
						continue
					}
					t.Fatal(err)
				}
				if test.unfinished {
					continue
				}
				ops, err := s.Claim(t.Context(), []string{"/test.v1.Jobs/Run"}, 1)
				if err != nil || len(ops) != 1 {
					t.Fatal(ops, err)
				}
				if err := s.Finish(t.Context(), ops[0].Name, ops[0].Fence, operation.Result{Response: make([]byte, test.response)}); err != nil {
					t.Fatal(err)
				}
			}
			if took := heap() - before; took > maxBytes {
				t.Errorf("it takes %d bytes, want %d at most", took, maxBytes)
			} else {
				t.Logf("it takes %d bytes of %d", took, maxBytes)
			}
			stdruntime.KeepAlive(s)
		})
	}
}

// heap returns how many bytes the program has in use.
func heap() int64 {
	var stats stdruntime.MemStats
	stdruntime.GC()
	stdruntime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
