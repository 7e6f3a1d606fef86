// Command pgoperations measures what operations in PostgreSQL cost. It compares them with a bare
// INSERT and UPDATE, simulates processes that share a database, and generates large tables. It
// starts its own server, or uses that of -url.
//
//	go run ./pgoperations                        # throughput
//	go run ./pgoperations -replicas 1,10,1000    # polling, claims, renewals and notifications
//	go run ./pgoperations -rows 10000000         # sizes and times with a large table
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

func main() {
	url := flag.String("url", "", "a database to use instead of a server of this process; schema grpcservice_bench is replaced")
	fsync := flag.Bool("fsync", true, "whether the server of this process waits for the disk at each commit")
	replicas := flag.String("replicas", "", "numbers of processes to simulate, such as 1,10,1000")
	rows := flag.Int("rows", 0, "how many finished operations to generate")
	keep := flag.Bool("keep", false, "whether to continue with the table of an earlier run at -url")
	rounds := flag.Int("rounds", 5, "how often each side of the throughput runs")
	length := flag.Duration("length", 3*time.Second, "how long each measurement runs")
	flag.Parse()
	if err := run(*url, *fsync, *keep, *replicas, *rows, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url string, fsync, keep bool, replicas string, rows, rounds int, length time.Duration) error {
	ctx := context.Background()
	if url == "" {
		server, err := pgtest.Run(ctx, pgtest.WithSettings("max_connections=2500", "shared_buffers=512MB",
			"max_wal_size=1GB", fmt.Sprintf("fsync=%v", fsync)))
		if err != nil {
			return err
		}
		defer server.Close()
		url = server.URL()
		postmaster = postmasterOf(server.Dir)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return err
	}
	config.MaxConns = 100
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	if !keep {
		if _, err := pool.Exec(ctx, `DROP SCHEMA IF EXISTS grpcservice_bench CASCADE`); err != nil {
			return err
		}
	}
	schema := pgstore.WithSchema("grpcservice_bench")
	if err := pgstore.Migrate(ctx, pool, schema); err != nil {
		return err
	}
	db, err := pgstore.Open(ctx, pool, schema)
	if err != nil {
		return err
	}
	defer db.Close()
	switch {
	case rows > 0:
		return growth(ctx, pool, db, rows, rounds, length)
	case replicas != "":
		for _, text := range strings.Split(replicas, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("-replicas: %w", err)
			}
			if err := scale(ctx, pool, db, n, length); err != nil {
				return err
			}
		}
		return nil
	}
	return throughput(ctx, pool, db, rounds, length)
}
