package operation

import (
	"context"
	"errors"
	"log/slog"
)

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
