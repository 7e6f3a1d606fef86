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

// startRules are the rules for starting an operation.
type startRules struct {
	onConflict     policy.OnConflict
	idempotencyKey string // path of the request's field
	conflictKey    string // path of the field that the key was made of; empty for another key
}

// errNoHandler reports a mistake in the server's setup.
var errNoHandler = errors.New("the manager has no handler for its operations: call Handle with the same manager, " +
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

// create adds an operation to the store, and handles conflicts with others of its conflict key.
func (m *Manager) create(ctx context.Context, op *Record, onConflict policy.OnConflict) (*Record, bool, error) {
	if onConflict == policy.PreemptOnConflict && op.ConflictKey != "" {
		return m.createInstead(ctx, op)
	}
	return m.store.Create(ctx, op, onConflict == policy.QueueOnConflict)
}

// warnIdle logs once that a manager that is not running starts operations: their callers would
// wait in vain.
func (m *Manager) warnIdle(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ran || m.warned {
		return
	}
	m.warned = true
	m.config.logger.LogAttrs(ctx, slog.LevelWarn, "an operation was started, but the manager is not running: "+
		"call operation.Register on the server.Server, or Manager.Run; use operation.WithStartOnly if other processes run the operations")
}

// requestCancel records in the store that an operation is to be cancelled, and notifies its work
// at once if it runs here.
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

// conflictError returns the error for the caller that tried to start op.
func conflictError(op *Record, conflict *ConflictError, field string) error {
	err := ReasonConflict.Errorf(codes.Aborted, "another operation is running for the same %s; wait until it is done",
		cmp.Or(field, "resource")).WithCause(conflict)
	if field != "" {
		err = err.WithMetadata("field", field)
	}
	if other := conflict.Other; other.Principal == op.Principal {
		return err.WithMetadata("operation", other.Name).WithResource(resourceType, other.Name, "not done")
	}
	return err
}

// reused returns the error for an idempotency key that belongs to a different request.
func reused(field string) error {
	return idempotency.ReasonRequestIDReused.Errorf(codes.InvalidArgument, "%s was used for another request; generate a new one", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: "was used for another request", Reason: idempotency.ReasonRequestIDReused.Name()})
}
