package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Store keeps operations. Package storetest tests implementations; [Memory] is the implementation
// for a single process.
//
// The store's clock counts: it sets all times of a [Record] by one clock, so that processes with
// different clocks agree on leases. Errors that are not described here mean that the store is
// unavailable; they appear in the log only. Neither side modifies records after passing or
// returning them.
//
// A store that repeats a call whose outcome it does not know makes sure that the earlier attempt has
// no effect later, when the operation may be done or gone.
//
// A store is bounded in bytes, and principals share it. The operations of a principal that are
// not done take at most half of what all others leave, and what they save three quarters, so that
// no principal keeps another from starting operations. Done operations share the rest: if there
// is no room, the principal whose operations take most loses those that expire first, so a
// principal loses none to another as long as its own take no more than an equal part. (One
// operation of up to a 64th of the store is always kept.) Package storetest tests this too.
type Store interface {
	// Create adds an operation that is due at once. If IdempotencyKey is set and an operation
	// with the same Method, Principal and IdempotencyKey exists, Create adds nothing and returns
	// that one and false, whatever the digests are. Otherwise, if ConflictKey is set and an
	// operation that is not done has the same, it returns a [*ConflictError]; with queue it adds
	// the new one nevertheless, which is not due until all older ones of its key are done: its
	// CreateTime is after theirs. It returns [ErrFull] if the principal's operations that are not
	// done use their whole share.
	Create(ctx context.Context, op *Record, queue bool) (stored *Record, created bool, err error)
	// Get returns an operation, or [ErrNotFound]. It also returns an operation with a DeleteTime,
	// which was deleted and is not done.
	Get(ctx context.Context, name string) (*Record, error)
	// List returns the operations of a query by name in byte order, and reports whether more
	// follow. A store of several parts, some of which cannot be read, returns those of the others
	// with a [*PartialError].
	List(ctx context.Context, q Query) (found []*Record, more bool, err error)
	// Claim claims up to n operations of the given methods that are due: not done, without a
	// lease or with an expired one, RunAfter reached, the oldest of their conflict key. A
	// cancelled one is due as soon as nothing holds it. Those due the longest come first. Each
	// gets its Lease from now on, the next Fence, and one more Attempt; the first claim sets its
	// StartTime. No two concurrent claims return the same operation.
	Claim(ctx context.Context, methods []string, n int) ([]*Record, error)
	// Renew restarts the Lease, and reports whether the operation must be cancelled. It returns
	// [ErrLeaseLost] if fence is not the operation's newest, or if the operation was released, is
	// done, or is gone. It renews an expired lease if nothing else has claimed the operation. It
	// never shortens a lease: a Renew that arrives late delays the next claim by a Lease at most.
	Renew(ctx context.Context, name string, fence int64) (cancelled bool, err error)
	// Save saves the progress of the work, under the conditions of Renew and with the same
	// result, without renewing. Its Number is that of the record's Saves then. A worker numbers
	// what it saves, and repeats a save with its number, so that one which reaches the store late
	// does not replace what was saved after it: with a Number equal to Saves, Save changes nothing
	// and succeeds; with a lower one, it returns [ErrSuperseded]; with 0 or less, another error. It
	// returns [ErrFull], and saves nothing, if that exceeds the share of the principal's operations.
	Save(ctx context.Context, name string, fence int64, p Progress) (cancelled bool, err error)
	// Finish ends an operation, under the conditions of Renew. Its ExpireTime is Retain from now,
	// and its Request and Checkpoint are empty. It returns [ErrFull], and changes nothing, if the
	// result is too large for the principal's share, but never for a Status of up to
	// [ReservedStatusBytes] without Metadata.
	Finish(ctx context.Context, name string, fence int64, r Result) error
	// Release releases an operation, under the conditions of Renew.
	Release(ctx context.Context, name string, fence int64, again Again) error
	// RequestCancel records that an operation must be cancelled, and returns it. An operation
	// without a lease, or with an expired one, ends with r at once. A done one does not change.
	// It returns [ErrNotFound] if there is none.
	RequestCancel(ctx context.Context, name string, r Result) (*Record, error)
	// Delete removes an operation that is done. Any other one gets a DeleteTime: List without
	// Query.Deleted and Delete no longer find it. It continues to run, can be cancelled, and
	// keeps its idempotency key and its conflict key until it is done; then it is removed. It
	// returns [ErrNotFound] if there is none.
	Delete(ctx context.Context, name string) error
	// Expire removes up to n operations whose ExpireTime has passed, and returns their number. It
	// may remove some earlier.
	Expire(ctx context.Context, n int) (int, error)
	// Count counts the operations that are not done, with those that were deleted. Metrics ask for it
	// up to four times a minute in each process, so it must be cheap however many operations are
	// done: an index on those that are not is enough.
	Count(ctx context.Context) ([]Count, error)
	// Watch returns a channel that is closed when the operation is done, cancelled, or gone,
	// unless it is so in seen: at once if it is so already. It is a hint: the channel may be
	// closed without a change, and late or never for changes by other processes. The watch ends
	// when ctx ends; then the channel may stay open.
	Watch(ctx context.Context, seen *Record) (<-chan struct{}, error)
}

// Errors of stores. A store may wrap them.
var (
	// ErrNotFound reports that no operation has the name.
	ErrNotFound = errors.New("operation not found")
	// ErrLeaseLost reports that the worker no longer has the operation: another one has claimed
	// it, or it is done. It is also the cause of the context of such work.
	ErrLeaseLost = errors.New("lease of the operation lost")
	// ErrSuperseded reports that a save with a higher number is stored: this one has arrived late.
	ErrSuperseded = errors.New("a later save of the operation is stored")
	// ErrFull reports that the store has no room for an operation of the principal, or for what
	// it saves.
	ErrFull = errors.New("the store has no room")
)

// ConflictError reports that another operation with the same conflict key is not done.
type ConflictError struct {
	// Other is the oldest such operation.
	Other *Record
}

// Error implements error.
func (e *ConflictError) Error() string { return "conflict with operation " + e.Other.Name }

// PartialError is the error of [Store.List] for a store of several parts, such as databases or
// regions, if some of them cannot be read. What List returns with it is what the others have.
type PartialError struct {
	// Unreachable names the parts for callers, as in "projects/1/locations/eu"; at least one.
	Unreachable []string
	// Cause is why they cannot be read, for the log.
	Cause error
}

// Error implements error.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%s cannot be read: %v", strings.Join(e.Unreachable, ", "), e.Cause)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Cause }

// Query selects the operations that [Store.List] returns.
type Query struct {
	// Prefix is a prefix of their names.
	Prefix string
	// Principal is the principal that started them; nil for any.
	Principal *string
	// Method is the path of the RPC that started them; "" for any.
	Method string
	// ConflictKey is their conflict key; "" for any.
	ConflictKey string
	// Done selects done or running operations; nil for both.
	Done *bool
	// Deleted includes operations that were deleted and are not done.
	Deleted bool
	// After excludes names up to and including this one, in byte order.
	After string
	// Limit is the maximum number of operations; 0 and less mean 1000.
	Limit int
	// MaxBytes is their maximum total size, as counted by [Record.Bytes]; the first operation is
	// always returned. 0 and less mean 4 MiB.
	MaxBytes int
}

// Maximum number and size of the operations in a list.
const (
	mostListed      = 1000
	mostListedBytes = 4 << 20
)

// limits returns the maximum number and size of a query's operations.
func (q Query) limits() (operations, bytes int) {
	operations, bytes = q.Limit, q.MaxBytes
	if operations <= 0 {
		operations = mostListed
	}
	if bytes <= 0 {
		bytes = mostListedBytes
	}
	return operations, bytes
}

// takes reports whether an operation matches a query, apart from its name.
func (q Query) takes(r *Record) bool {
	return (q.Deleted || r.DeleteTime.IsZero()) &&
		(q.Principal == nil || r.Principal == *q.Principal) &&
		(q.Method == "" || r.Method == q.Method) &&
		(q.ConflictKey == "" || r.ConflictKey == q.ConflictKey) &&
		(q.Done == nil || r.Done() == *q.Done)
}

// Progress is what [Store.Save] saves.
type Progress struct {
	// Metadata and Checkpoint replace those of the record; nil leaves them unchanged.
	Metadata, Checkpoint []byte
	// Number is above [Record.Saves] of the claimed operation, and above the numbers of all
	// earlier saves with the same fence.
	Number int64
}

// Result is the result of an operation: a response or a status, encoded as in a [Record]; the
// other one is nil.
type Result struct {
	Response, Status []byte
	// Metadata is the final metadata; nil leaves it unchanged.
	Metadata []byte
}

// ReservedStatusBytes is the maximum size of a [Result]'s Status that [Store.Finish] accepts even
// if the store is full, as long as the Result has nothing else.
const ReservedStatusBytes = 512

// Phase is what an operation that is not done is doing.
type Phase string

const (
	// Waiting operations have no lease: they are due, or wait for a retry or a conflict key.
	Waiting Phase = "waiting"
	// Running operations have a lease.
	Running Phase = "running"
	// Expired operations have a lease that has expired: their worker is gone, and no other has
	// claimed them yet.
	Expired Phase = "expired"
)

// Count is how many operations of a method are in a phase; at least one.
type Count struct {
	Method string
	Phase  Phase
	Number int
	// Oldest is the CreateTime of the oldest of them.
	Oldest time.Time
}

// Again specifies when a released operation is due again.
type Again struct {
	// After is the delay from now.
	After time.Duration
	// Uncounted does not count the attempt: for work that was interrupted through no fault of its
	// own.
	Uncounted bool
}
