package replica

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// stores are what a replica keeps its state in.
type stores struct {
	pool       *pgxpool.Pool
	operations operation.Store
	keys       idempotency.Store
	logs       map[string]*eventlog.Log[chaosv1.Event]
	close      func()
}

// open connects to the database and to NATS.
func open(ctx context.Context, config Config) (*stores, error) {
	pooled, err := pgxpool.ParseConfig(config.Database)
	if err != nil {
		return nil, err
	}
	pooled.MaxConns = 20
	pooled.ConnConfig.RuntimeParams["application_name"] = config.Writer // for the audit
	pooled.ConnConfig.ConnectTimeout = attemptTimeout
	pool, err := pgxpool.NewWithConfig(ctx, pooled)
	if err != nil {
		return nil, err
	}
	var db *pgstore.DB
	err = retry(ctx, "the database cannot be opened", func(ctx context.Context) (err error) {
		db, err = pgstore.Open(ctx, pool)
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &stores{pool: pool, operations: db.Operations(), keys: db.Idempotency()}
	logs, closeLogs, err := OpenLogs(ctx, config, db)
	if err != nil {
		return nil, err
	}
	s.logs = make(map[string]*eventlog.Log[chaosv1.Event])
	for name, log := range logs {
		if config.Break == BreakLog {
			log = lossy{log}
		}
		s.logs[name] = eventlog.New[chaosv1.Event](log, eventlog.WithName(name))
	}
	switch config.Break {
	case BreakFence:
		s.operations = fenceless{s.operations}
	case BreakSaves:
		s.operations = numberless{s.operations}
	case BreakKeys:
		s.keys = forgetful{db.Idempotency()}
	}
	s.operations = newLateStore(s.operations, config.Late)
	s.close = func() {
		closeLogs()
		db.Close()
		pool.Close()
	}
	return s, nil
}

// retry calls f until it succeeds: a replica that starts while its database is down waits.
func retry(ctx context.Context, what string, f func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*attemptTimeout)
		err := f(attempt)
		cancel()
		if err == nil {
			return nil
		}
		slog.Warn(what, slog.Any("error", err))
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// OpenLogs opens the logs of a replica. The caller calls end, and then closes db.
func OpenLogs(
	ctx context.Context, config Config, db *pgstore.DB,
) (logs map[string]eventlog.Store, end func(), err error) {
	logs = map[string]eventlog.Store{PostgresLog: db.Log("events")}
	if config.NATS == "" {
		return logs, func() {}, nil
	}
	conn, err := nats.Connect(config.NATS, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(100*time.Millisecond), nats.Timeout(attemptTimeout))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	var log *natshub.Log
	err = retry(ctx, "the stream cannot be opened", func(ctx context.Context) (err error) {
		log, err = natshub.OpenLog(ctx, js, "events")
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	logs[NATSLog] = log
	return logs, func() {
		log.Close()
		conn.Close()
	}, nil
}
