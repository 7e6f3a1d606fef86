package operation

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// startRules are the rules for starting an operation.
type startRules struct {
	onConflict     policy.OnConflict
	idempotencyKey string // path of the request's field
	conflictKey    string // path of the field that the key was made of; empty for another key
	tx             any    // of the user; nil without one
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
	stored, created, err := m.create(ctx, op, rules)
	if !created {
		m.origins.take(op.Name)
	}
	switch conflict := (*ConflictError)(nil); {
	case errors.As(err, &conflict):
		m.countsOf(op.Method).conflicts.Add(1)
		return nil, conflictError(op, conflict, rules.conflictKey)
	case errors.Is(err, ErrNoTx):
		return nil, misuse(info, err)
	case err != nil:
		return nil, storeError(ctx, op.Name, err)
	case !created && stored.Digest != op.Digest:
		return nil, reused(rules.idempotencyKey)
	}
	if created {
		m.countsOf(op.Method).started.Add(1)
	}
	m.wakeUp()
	return stored, nil
}

// create adds an operation to the store, and handles conflicts with others of its conflict key.
func (m *Manager) create(ctx context.Context, op *Record, rules startRules) (*Record, bool, error) {
	queue := rules.onConflict == policy.QueueOnConflict
	switch {
	case rules.tx != nil:
		return m.createTx(ctx, rules.tx, op, queue)
	case rules.onConflict == policy.PreemptOnConflict && op.ConflictKey != "":
		return m.createInstead(ctx, op)
	}
	return m.store.Create(ctx, op, queue)
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

// createInstead adds an operation and cancels the others with its conflict key. The caller of ctx
// must be allowed to cancel them, whether they are deleted or not: if one belongs to another
// principal, the error is a [*ConflictError] for it.
func (m *Manager) createInstead(ctx context.Context, op *Record) (*Record, bool, error) {
	stored, created, err := m.store.Create(ctx, op, false)
	if conflict := (*ConflictError)(nil); !errors.As(err, &conflict) {
		return stored, created, err
	}
	mayCancel := func(other *Record) error {
		if m.mayAccess(ctx, other) != nil {
			return &ConflictError{Other: other}
		}
		return nil
	}
	if err := m.eachOf(ctx, op.ConflictKey, mayCancel); err != nil {
		return nil, false, err
	}
	if stored, created, err = m.store.Create(ctx, op, true); err != nil || !created {
		return stored, created, err
	}
	return m.preempt(ctx, stored)
}

// preempt cancels the operations that a new one would wait for, even if its call ends meanwhile.
// If another principal's operation came in between, preempt withdraws the new one.
func (m *Manager) preempt(ctx context.Context, op *Record) (*Record, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimTimeout)
	defer cancel()
	err := m.eachOf(ctx, op.ConflictKey, func(other *Record) error {
		switch {
		case !other.CreateTime.Before(op.CreateTime):
			return nil
		case m.mayAccess(ctx, other) != nil:
			return &ConflictError{Other: other}
		default:
			return m.cancel(ctx, other.Name)
		}
	})
	if conflict := (*ConflictError)(nil); errors.As(err, &conflict) {
		if err := m.withdraw(ctx, op); err != nil {
			return nil, false, err
		}
		return nil, false, conflict
	}
	if err != nil { // the new operation waits for the others
		m.config.logger.LogAttrs(ctx, slog.LevelWarn, "operations not preempted",
			slog.String(logOperation, op.Name), slog.Any("error", err))
	}
	return op, true, nil
}

// withdraw removes a queued operation whose caller receives an error.
func (m *Manager) withdraw(ctx context.Context, op *Record) error {
	if err := m.cancel(ctx, op.Name); err != nil {
		return err
	}
	if err := m.store.Delete(ctx, op.Name); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// eachOf calls f for each operation of a conflict key that is not done, until f returns an error.
func (m *Manager) eachOf(ctx context.Context, conflictKey string, f func(*Record) error) error {
	running := false
	q := Query{ConflictKey: conflictKey, Done: &running, Deleted: true}
	for {
		found, more, err := m.store.List(ctx, q)
		if err != nil {
			return err
		}
		for _, op := range found {
			if err := f(op); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		q.After = found[len(found)-1].Name
	}
}

// cancel cancels an operation of any principal.
func (m *Manager) cancel(ctx context.Context, name string) error {
	_, err := m.requestCancel(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
