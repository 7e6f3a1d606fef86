package operation

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// Get returns an operation of the caller of ctx. If it does not exist or belongs to another
// principal, the error is NOT_FOUND, reason OPERATION_NOT_FOUND. If the store is unavailable, it
// is UNAVAILABLE, reason OPERATION_STORE_UNAVAILABLE. The other methods return the same errors.
func (m *Manager) Get(ctx context.Context, name string) (*Record, error) {
	op, err := m.get(ctx, name)
	if err == nil && !op.DeleteTime.IsZero() {
		return nil, notFound(name).WithCause(errDeleted)
	}
	return op, err
}

// errDeleted hides an operation that its caller has deleted and that is still running.
var errDeleted = errors.New("the operation was deleted but is still running")

// get returns an operation of the caller of ctx, deleted or not.
func (m *Manager) get(ctx context.Context, name string) (*Record, error) {
	op, err := m.store.Get(ctx, name)
	if err != nil {
		return nil, storeError(ctx, name, err)
	}
	if err := m.mayAccess(ctx, op); err != nil {
		return nil, notFound(name).WithCause(err)
	}
	return op, nil
}

// errOthers hides the operation of another principal.
var errOthers = errors.New("the operation belongs to another principal")

// mayAccess returns why the caller may not see an operation, or nil.
func (m *Manager) mayAccess(ctx context.Context, op *Record) error {
	if m.config.authorize != nil {
		return m.config.authorize(ctx, op)
	}
	id, err := callerOf(ctx)
	if err == nil && op.Principal != id {
		return errOthers
	}
	return err
}

// errNoID rejects a principal without an ID, which servers do not accept: its operations would
// belong to every unauthenticated caller.
var errNoID = errors.New("the principal of the context has no ID; use no principal for an unauthenticated caller")

// callerOf returns the ID of the principal of ctx's call, or of the call that ctx was detached
// from: "" for an unauthenticated caller.
func callerOf(ctx context.Context) (id string, err error) {
	switch p := runtime.OriginOf(ctx).Principal; {
	case p == nil:
		return "", nil
	case p.ID == "":
		return "", errNoID
	default:
		return p.ID, nil
	}
}

// List returns operations of the caller of ctx by name in byte order. It sets the principal of
// the query itself. next is the value of After for the operations that follow, or "" if there are
// none. List may return fewer operations than the limit, even none, although more follow: if they
// would exceed the query's size in bytes, or if [WithAuthorizer] hides some. If parts of the store
// cannot be read, List returns those of the others, and UNAVAILABLE with a [*PartialError] as its
// cause.
func (m *Manager) List(ctx context.Context, q Query) (ops []*Record, next string, err error) {
	q.Limit, _ = q.limits()
	q.Limit, q.Principal, q.Deleted = min(q.Limit, mostListed), nil, false
	if m.config.authorize == nil {
		id, err := callerOf(ctx)
		if err != nil {
			return nil, "", nil
		}
		q.Principal = &id
	}
	found, more, err := m.store.List(ctx, q)
	if partial := (*PartialError)(nil); err != nil && !errors.As(err, &partial) {
		return nil, "", storeError(ctx, q.Prefix, err)
	}
	if more && len(found) > 0 {
		next = found[len(found)-1].Name
	}
	for _, op := range found {
		if m.mayAccess(ctx, op) == nil {
			ops = append(ops, op)
		}
	}
	return ops, next, storeError(ctx, q.Prefix, err)
}

// Cancel requests that an operation of the caller of ctx ends, and returns its current state. An
// operation that is not running ends at once. A running one ends when its work notices. One that
// is done does not change. An operation that was deleted while it ran can still be cancelled.
func (m *Manager) Cancel(ctx context.Context, name string) (*Record, error) {
	if _, err := m.get(ctx, name); err != nil {
		return nil, err
	}
	op, err := m.requestCancel(ctx, name)
	return op, storeError(ctx, name, err)
}

// Delete removes an operation of the caller of ctx. An operation that is not done continues
// (AIP-151) and holds its conflict key until it is done: [Manager.Get] and [Manager.List] no
// longer find it; [Manager.Cancel] does.
func (m *Manager) Delete(ctx context.Context, name string) error {
	if _, err := m.Get(ctx, name); err != nil {
		return err
	}
	return storeError(ctx, name, m.store.Delete(ctx, name))
}

// Wait waits until an operation of the caller of ctx is done, and returns it. If ctx ends first,
// or the server of ctx's call drains, it returns the last known state.
func (m *Manager) Wait(ctx context.Context, name string) (*Record, error) {
	poll := time.NewTicker(m.config.poll)
	defer poll.Stop()
	var seen *Record // before the last hint; nil without one
	for {
		op, err := m.Get(ctx, name)
		if err != nil || op.Done() {
			return op, err
		}
		inVain := seen != nil && seen.CancelTime.Equal(op.CancelTime)
		hinted, ended := m.await(ctx, op, poll.C, inVain)
		if ended {
			return op, nil
		}
		if seen = nil; hinted {
			seen = op
		}
	}
}

// await waits until an operation may have changed: until the store sends a hint, the next poll is
// due, or ctx ends. After a useless hint it waits for no others.
func (m *Manager) await(ctx context.Context, seen *Record, poll <-chan time.Time, inVain bool) (hinted, ended bool) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var news <-chan struct{}
	if !inVain {
		if watch, err := m.store.Watch(watching, seen); err == nil {
			news = watch
		}
	}
	select {
	case <-news:
		return true, false
	case <-poll:
		return false, false
	case <-runtime.Draining(ctx):
	case <-ctx.Done():
	}
	return false, true
}

// requestCancel records in the store that an operation must be cancelled, and notifies its work
// at once if it runs here.
func (m *Manager) requestCancel(ctx context.Context, name string) (*Record, error) {
	op, err := m.store.RequestCancel(ctx, name, Result{Status: statusBytes(errCancelled)})
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
