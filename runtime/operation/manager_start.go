package operation

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/idempotency"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// startRules are what is said of starting an operation.
type startRules struct {
	onConflict     policy.OnConflict
	idempotencyKey string // path of the request's field
	conflictKey    string // path of the field that the key was made of; empty for another key
}

// errNoHandler is a mistake in how the server is put together.
var errNoHandler = errors.New("nobody would work on its operations: call Handle with the same manager, " +
	"or make that with operation.WithStartOnly where other processes do the work")

// start adds an operation for the call of ctx.
func (m *Manager) start(ctx context.Context, info runtime.MethodInfo, op *Record, rules startRules) (*Record, error) {
	if m.handlerOf(op.Method) == nil && !m.config.startOnly {
		return nil, misuse(info, errNoHandler)
	}
	if !m.config.startOnly {
		m.warnIdle(ctx)
		m.origins.keep(op.Name, runtime.Detach(ctx), len(op.Request)) // before a worker can have it
	}
	stored, created, err := m.create(ctx, op, rules.onConflict)
	if !created {
		m.origins.take(op.Name)
	}
	switch conflict := (*ConflictError)(nil); {
	case errors.As(err, &conflict):
		return nil, conflictError(op, conflict, rules.conflictKey)
	case err != nil:
		return nil, storeError(ctx, op.Name, err)
	case !created && stored.Digest != op.Digest:
		return nil, reused(rules.idempotencyKey)
	}
	m.wakeUp()
	return stored, nil
}

// create adds an operation to the store, and does what is to be done about others of its conflict key.
func (m *Manager) create(ctx context.Context, op *Record, onConflict policy.OnConflict) (*Record, bool, error) {
	if onConflict == policy.PreemptOnConflict && op.ConflictKey != "" {
		return m.createInstead(ctx, op)
	}
	return m.store.Create(ctx, op, onConflict == policy.QueueOnConflict)
}

// warnIdle says once that operations are started by a manager that does not run: their callers would wait in vain.
func (m *Manager) warnIdle(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ran || m.warned {
		return
	}
	m.warned = true
	m.config.logger.LogAttrs(ctx, slog.LevelWarn, "an operation is started, but nobody works on operations here yet: "+
		"operation.Register on the server.Server, or Manager.Run, begins to; operation.WithStartOnly is for where other processes do")
}

// requestCancel has the store note that an operation is to be cancelled, and tells the work at once where it is done here.
func (m *Manager) requestCancel(ctx context.Context, name string) (*Record, error) {
	op, err := m.store.RequestCancel(ctx, name, Result{Status: statusBytes(cancelled())})
	if err != nil {
		return nil, err
	}
	if op.Done() {
		m.wakeUp() // others may have waited for its conflict key
	} else if a := m.attemptAt(name); a != nil {
		a.cancelWork()
	}
	return op, nil
}

// conflictError is what the caller is told who would start op.
func conflictError(op *Record, conflict *ConflictError, field string) error {
	err := ReasonConflict.Errorf(codes.Aborted, "another operation is at work on the same %s; wait until it is done",
		cmp.Or(field, "resource")).WithCause(conflict)
	if field != "" {
		err = err.WithMetadata("field", field)
	}
	if other := conflict.Other; other.Principal == op.Principal {
		return err.WithMetadata("operation", other.Name).WithResource(resourceType, other.Name, "not done")
	}
	return err
}

// reused is what a caller is told whose idempotency key belongs to another request.
func reused(field string) error {
	return idempotency.ReasonRequestIDReused.Errorf(codes.InvalidArgument, "%s was used for another request; make a new one", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: "was used for another request", Reason: idempotency.ReasonRequestIDReused.Name()})
}
