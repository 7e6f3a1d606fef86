package operation

import (
	"context"
	"errors"
	"log/slog"
)

// createInstead adds an operation and cancels the others of its conflict key. The caller of ctx must be one who may cancel
// them, whether they are deleted or not: where one is another principal's, the error is a [*ConflictError] with it.
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

// preempt cancels what a new operation would have to wait for, though its call may end meanwhile. Where another principal's
// operation came between, it takes the new one back.
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

// withdraw removes an operation that waits for others, and whose caller is told that it was not started.
func (m *Manager) withdraw(ctx context.Context, op *Record) error {
	if err := m.cancel(ctx, op.Name); err != nil {
		return err
	}
	if err := m.store.Delete(ctx, op.Name); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// eachOf calls f for each operation of a conflict key that is not done, until it returns an error.
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

// cancel cancels an operation, whoever started it.
func (m *Manager) cancel(ctx context.Context, name string) error {
	_, err := m.requestCancel(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
