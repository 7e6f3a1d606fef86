package operation

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

// Get returns an operation of the caller of ctx. Where there is none, and where it is somebody else's, the error is NOT_FOUND,
// reason OPERATION_NOT_FOUND; where the store is away it is UNAVAILABLE, reason OPERATION_STORE_UNAVAILABLE. The same goes for
// the other methods.
func (m *Manager) Get(ctx context.Context, name string) (*Record, error) {
	op, err := m.get(ctx, name)
	if err == nil && !op.DeleteTime.IsZero() {
		return nil, notFound(name).WithCause(errDeleted)
	}
	return op, err
}

// errDeleted is why a caller does not see an operation that it has deleted itself.
var errDeleted = errors.New("the operation was deleted, and goes on")

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

// errOthers is why a caller does not see an operation.
var errOthers = errors.New("the operation belongs to another principal")

// mayAccess returns why an operation is none of the caller's business.
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

// errNoID is why a principal without an ID, which no server lets in, owns no operations: they would be those of every caller
// that is not authenticated.
var errNoID = errors.New("the principal of the context has no ID; leave it out for a caller that is not authenticated")

// callerOf returns the ID of the principal that makes the call of ctx, or made the call that ctx was detached from: "" for
// a caller that is not authenticated.
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

// How many operations a list has at most, and how many bytes.
const (
	mostListed      = 1000
	mostListedBytes = 4 << 20
)

// List returns operations of the caller of ctx, by name in byte order. It sets the principal of the query itself. next is what
// to set After to for those that follow; it is empty where there are no more. There may be fewer than the limit, even none, and
// more that follow, where they would have more bytes than the query asks for, and where [Authorize] refuses some.
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
	if err != nil {
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
	return ops, next, nil
}

// Cancel asks an operation of the caller of ctx to end, and returns it as it is then. One that nobody works on ends at once, one
// that is worked on when its work notices, and one that is done stays as it is. One that was deleted while it ran can be
// cancelled as any other.
func (m *Manager) Cancel(ctx context.Context, name string) (*Record, error) {
	if _, err := m.get(ctx, name); err != nil {
		return nil, err
	}
	op, err := m.requestCancel(ctx, name)
	return op, storeError(ctx, name, err)
}

// Delete forgets an operation of the caller of ctx. One that is not done goes on (AIP-151), and holds its conflict key until it
// is done: [Manager.Get] and [Manager.List] do not find it any more, [Manager.Cancel] does.
func (m *Manager) Delete(ctx context.Context, name string) error {
	if _, err := m.Get(ctx, name); err != nil {
		return err
	}
	return storeError(ctx, name, m.store.Delete(ctx, name))
}

// Wait waits until an operation of the caller of ctx is done, and returns it; when ctx ends before, or the server of ctx's call
// drains, it returns the operation as it was last seen.
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

// await waits until an operation may have changed since it was seen, by a hint of the store or because it is time to look
// again, or until the wait of ctx is ended. After a hint that was in vain, it takes none.
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
