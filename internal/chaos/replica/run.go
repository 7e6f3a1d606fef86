package replica

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/grpcservice/grpcservice/internal/chaos/faults"
	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Run makes the process a replica if its environment says so. It then does not return.
func Run() {
	config, is, err := fromEnv()
	if !is {
		return
	}
	faults.EndWithParent()
	if err = cmp.Or(err, serve(config)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve serves until SIGTERM, and then drains.
func serve(config Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	slog.SetDefault(logger)
	if err := describe(); err != nil {
		return err
	}
	stale, err := openStaleLog(config.StaleLog, config.Writer)
	if err != nil {
		return err
	}
	stores, err := open(ctx, config)
	if err != nil {
		return err
	}
	defer stores.close()
	srv := server.New(
		server.WithoutAuthentication(), server.WithLogger(logger),
		server.WithIdempotency(idempotency.New(stores.keys, idempotency.WithWait(2*time.Second))),
		server.WithTokenKeys(seal.NewKey(make([]byte, 32))), // positions hold on all replicas
		server.WithDrainDelay(0), server.WithShutdownTimeout(5*time.Second),
	)
	register(srv, config, stores, stale)
	lis, err := net.FileListener(os.NewFile(faults.ListenerFD, "listener"))
	if err != nil {
		return err
	}
	return srv.Serve(ctx, lis)
}

// register registers the service with its stores.
func register(srv *server.Server, config Config, stores *stores, stale *staleLog) {
	table := tableOf(config.Lease)
	s := &service{
		run: runOf(table), subscribe: subscribeOf(table), logs: stores.logs,
		effects: &effects{pool: stores.pool, writer: config.Writer, stale: stale},
		ops: operation.NewManager(newStallingStore(stores.operations, config.Stalls, stale),
			operation.WithPollInterval(200*time.Millisecond),
			operation.WithBackoff(50*time.Millisecond, time.Second)),
	}
	s.run.Handle(s.ops, s.work)
	operation.Register(srv, s.ops)
	server.Register[Service](srv, table, s)
}

// work is the work of an operation: an effect for each step.
func (s *service) work(ctx context.Context, run *operation.Run[chaosv1.RunRequest,
	chaosv1.RunProgress]) (*chaosv1.RunResult, error) {
	var next int64
	if _, err := run.Checkpoint(&next); err != nil {
		return nil, err
	}
	steps := run.Request().GetSteps()
	for ; next < int64(steps); next++ {
		select { // so that faults find operations in the middle
		case <-time.After(rand.N(20 * time.Millisecond)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := s.effects.step(ctx, run.Name(), run.Fence(), next); err != nil {
			return nil, err
		}
		if err := run.Save(ctx, next+1,
			func(p *chaosv1.RunProgress) { p.Done = int32(next + 1) }); err != nil {
			return nil, err
		}
	}
	return &chaosv1.RunResult{RequestId: run.Request().GetRequestId(), Steps: steps,
		Nonce: fmt.Sprintf("%016x", rand.Uint64())}, nil
}
