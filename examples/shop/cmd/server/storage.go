package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// storage is where the shop keeps operations, responses by idempotency key and events, and how its
// rooms reach other replicas.
type storage struct {
	operations operation.Store
	responses  idempotency.Store
	events     *service.Events
	rooms      *hub.Hub[shopv1.ChatMessage]

	closing []func()
}

// connectTimeout bounds the connection to the database and the bus at the start.
const connectTimeout = 30 * time.Second

// open connects to what the flags name. Memory, the default, needs nothing, and is lost with the
// process.
func (c config) open(ctx context.Context) (s *storage, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s = &storage{operations: operation.Memory(), responses: idempotency.Memory()}
	var events eventlog.Store = eventlog.NewMemory()
	switch c.store {
	case "memory":
	case "postgres":
		if events, err = s.openPostgres(ctx, c.database); err != nil {
			s.close()
			return nil, fmt.Errorf("-database: %w", err)
		}
	default:
		return nil, fmt.Errorf("-store=%s: pass memory or postgres", c.store)
	}
	s.events = eventlog.New[shopv1.Event](events)
	switch c.bus {
	case "memory":
		s.rooms = service.Rooms()
	case "nats":
		if err := s.openNATS(c.nats); err != nil {
			s.close()
			return nil, fmt.Errorf("-nats: %w", err)
		}
	default:
		s.close()
		return nil, fmt.Errorf("-bus=%s: pass memory or nats", c.bus)
	}
	return s, nil
}

// openPostgres keeps operations, responses and events in a database. All replicas may create the
// tables at once; a deployment would do that in a step of its own.
func (s *storage) openPostgres(ctx context.Context, url string) (eventlog.Store, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	s.closing = append(s.closing, pool.Close)
	if err := pgstore.Migrate(ctx, pool); err != nil {
		return nil, err
	}
	db, err := pgstore.Open(ctx, pool)
	if err != nil {
		return nil, err
	}
	s.closing = append(s.closing, db.Close)
	s.operations, s.responses = db.Operations(), db.Idempotency()
	return db.Log("events"), nil
}

// openNATS lets all replicas share their rooms.
func (s *storage) openNATS(url string) error {
	conn, err := nats.Connect(url, nats.Name("shop"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	s.closing = append(s.closing, conn.Close)
	s.rooms = service.Rooms(hub.WithBus(natshub.NewBus(conn)))
	return nil
}

// close closes connections, the last first.
func (s *storage) close() {
	for i := len(s.closing) - 1; i >= 0; i-- {
		s.closing[i]()
	}
}
