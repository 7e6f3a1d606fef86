package replica

import (
	"context"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// fenceless is a store that ignores fences: who writes has the operation.
type fenceless struct{ operation.Store }

// newest returns the newest fence of an operation.
func (s fenceless) newest(ctx context.Context, name string, fence int64) int64 {
	if op, err := s.Get(ctx, name); err == nil {
		return op.Fence
	}
	return fence
}

// Renew implements [operation.Store].
func (s fenceless) Renew(ctx context.Context, name string, fence int64) (bool, error) {
	return s.Store.Renew(ctx, name, s.newest(ctx, name, fence))
}

// Save implements [operation.Store].
func (s fenceless) Save(ctx context.Context, name string, fence int64, p operation.Progress) (bool,
	error) {
	return s.Store.Save(ctx, name, s.newest(ctx, name, fence), p)
}

// Finish implements [operation.Store].
func (s fenceless) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	return s.Store.Finish(ctx, name, s.newest(ctx, name, fence), r)
}

// Release implements [operation.Store].
func (s fenceless) Release(ctx context.Context, name string, fence int64,
	again operation.Again) error {
	return s.Store.Release(ctx, name, s.newest(ctx, name, fence), again)
}

// numberless is a store that ignores the numbers of saves: the last one that arrives counts.
type numberless struct{ operation.Store }

// Save implements [operation.Store].
func (s numberless) Save(ctx context.Context, name string, fence int64, p operation.Progress) (bool,
	error) {
	op, err := s.Get(ctx, name)
	if err != nil {
		return false, err
	}
	p.Number = op.Saves + 1
	return s.Store.Save(ctx, name, fence, p)
}

// forgetful is a store that forgets a key in the transaction that should keep its answer.
type forgetful struct{ idempotency.TxStore }

// FinishTx implements [idempotency.TxStore].
func (s forgetful) FinishTx(ctx context.Context, _ any, key idempotency.Key,
	fence idempotency.Fence, _ []byte, _ time.Duration) error {
	return s.Release(ctx, key, fence)
}

// lossy is a log whose readers get another event twice instead of the seventh.
type lossy struct{ eventlog.Store }

// Read implements [eventlog.Store].
func (s lossy) Read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (eventlog.Batch, error) {
	batch, err := s.Store.Read(ctx, after, limit)
	batch.Records = slices.Clone(batch.Records)
	for i := range batch.Records {
		if batch.Records[i].Sequence == 7 && i > 0 {
			batch.Records[i].Data = batch.Records[i-1].Data
		}
	}
	return batch, err
}
