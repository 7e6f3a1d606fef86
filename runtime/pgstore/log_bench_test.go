package pgstore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// BenchmarkAppend measures records a second, with a server that syncs to disk. A bare INSERT of the
// same writers is for comparison.
func BenchmarkAppend(b *testing.B) {
	server := pgtest.Start(b, pgtest.WithSettings("fsync=on"))
	pool := newPool(b, server.URL(), "pool_max_conns=16")
	schema := newSchema(b, pool)
	log := open(b, pool, schema).Log("events")
	logs := make([]*pgstore.Log, 16) // as of 16 replicas
	for i := range logs {
		logs[i] = open(b, pool, schema).Log("events")
	}
	_, err := pool.Exec(b.Context(), `CREATE TABLE bare (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data bytea)`)
	must(b, err)
	data := make([]byte, 100)
	for _, test := range []struct {
		name           string
		writers, batch int
		write          func(writer int, batch [][]byte) error
	}{
		{"INSERT/writers=1", 1, 1, nil},
		{"INSERT/writers=16", 16, 1, nil},
		{"one process/writers=1", 1, 1, func(_ int, batch [][]byte) error { _, err := log.Append(b.Context(), batch...); return err }},
		{"one process/writers=16", 16, 1, func(_ int, batch [][]byte) error { _, err := log.Append(b.Context(), batch...); return err }},
		{"16 processes/writers=16", 16, 1, func(i int, batch [][]byte) error { _, err := logs[i].Append(b.Context(), batch...); return err }},
		{"one process/writers=1/batch=100", 1, 100, func(_ int, batch [][]byte) error { _, err := log.Append(b.Context(), batch...); return err }},
	} {
		if test.write == nil {
			test.write = func(int, [][]byte) error {
				_, err := pool.Exec(b.Context(), `INSERT INTO bare (data) VALUES ($1)`, data)
				return err
			}
		}
		b.Run(test.name, func(b *testing.B) {
			batch := make([][]byte, test.batch)
			for i := range batch {
				batch[i] = data
			}
			var writing sync.WaitGroup
			for w := range test.writers {
				writing.Go(func() {
					for range b.N / test.writers {
						if err := test.write(w, batch); err != nil {
							b.Error(fmt.Errorf("writer %d: %w", w, err))
							return
						}
					}
				})
			}
			writing.Wait()
			b.ReportMetric(float64(b.N*test.batch)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
