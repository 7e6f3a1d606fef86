package operation

import (
	"context"
	"errors"
	"time"
)

// Store keeps operations. Package storetest tests what an implementation must do; [Memory] is the one for a single process.
//
// Time is the store's: it sets all times of a [Record] by one clock, so that processes whose clocks differ agree on who holds a
// lease. An error that is not described here means that the store is away; it is for the log. Records that are passed in or
// returned are never changed afterwards, by neither side.
//
// A store is bounded in bytes, and principals share it. The operations of a principal that are not done take at most half of
// what those of all others leave, and what they save three quarters, so that no principal keeps another from starting some.
// Those that are done share the rest: where there is no room, the principal whose operations take most loses those first that
// expire first, so that a principal loses none to another as long as its own take no more than an equal part. (One operation of
// up to a 64th of the store is kept in any case.) Package storetest has a suite for this.
type Store interface {
	// Create adds an operation that is due at once. Where IdempotencyKey is not empty and an operation of the same Method, Principal
	// and IdempotencyKey exists, it adds nothing and returns that one, and false, whatever the digests are. Otherwise, where
	// ConflictKey is not empty and an operation that is not done has the same, it returns a [*ConflictError]; with queue it
	// adds the new one all the same, which then is not due before all older ones of its key are done: its CreateTime is after
	// theirs. It returns [ErrFull] where the operations of the principal that are not done take all that they may.
	Create(ctx context.Context, op *Record, queue bool) (stored *Record, created bool, err error)
	// Get returns an operation, or [ErrNotFound]. It also returns one that was deleted and is not done: DeleteTime says so.
	Get(ctx context.Context, name string) (*Record, error)
	// List returns the operations that a query asks for, by name in byte order, and reports whether there are more after them.
	List(ctx context.Context, q Query) (found []*Record, more bool, err error)
	// Claim takes up to n operations of the given methods that are due: not done, held by nobody or with a lease that is over,
	// RunAfter reached, the oldest of their conflict key. One that is to be cancelled is due as soon as nobody holds it. What
	// is due the longest comes first. Each gets its Lease from now on, the next Fence, and one more Attempt; its StartTime is
	// set the first time. However many claim at once, no two get the same one.
	Claim(ctx context.Context, methods []string, n int) ([]*Record, error)
	// Renew begins the Lease anew, and says whether the operation is to be cancelled. It returns [ErrLeaseLost] where fence is not
	// the operation's newest, and where the operation was given back, is done, or is gone. A lease that is over, but that nobody
	// else has claimed, is renewed.
	Renew(ctx context.Context, name string, fence int64) (cancelled bool, err error)
	// Save keeps what the work has reached, under the same conditions and with the same answer as Renew, without renewing. It
	// returns [ErrFull], and keeps nothing, where that is more than the principal's operations may take.
	Save(ctx context.Context, name string, fence int64, p Progress) (cancelled bool, err error)
	// Finish ends an operation, under the conditions of Renew. Its ExpireTime is Retain from now, and its Request and Checkpoint
	// are empty. It returns [ErrFull], and changes nothing, where the result is too large for the principal's share: never for
	// a Status of up to [ReservedStatusBytes] without Metadata.
	Finish(ctx context.Context, name string, fence int64, r Result) error
	// Release gives an operation back, under the conditions of Renew.
	Release(ctx context.Context, name string, fence int64, again Again) error
	// RequestCancel notes that an operation is to be cancelled, and returns it. One that nobody holds, or only with a lease
	// that is over, is ended with r at once. One that is done stays as it is. [ErrNotFound] where there is none.
	RequestCancel(ctx context.Context, name string, r Result) (*Record, error)
	// Delete removes an operation that is done. Any other one gets a DeleteTime: List without Query.Deleted and Delete do not
	// find it any more. It is worked on as before, can be cancelled, and keeps its idempotency key and its conflict key until it is
	// done; then it is removed. [ErrNotFound] where there is none.
	Delete(ctx context.Context, name string) error
	// Expire removes up to n operations whose ExpireTime is past, and says how many. It may have done so for some before.
	Expire(ctx context.Context, n int) (int, error)
	// Watch returns a channel that is closed when the operation is done, to be cancelled, or gone, other than in seen: at once
	// where it is so already. It is a hint: the channel may be closed for nothing, and closed late or never for what another
	// process does. The watch is over when ctx ends; then the channel may stay open.
	Watch(ctx context.Context, seen *Record) (<-chan struct{}, error)
}

// Errors of stores. A store may wrap them.
var (
	// ErrNotFound says that there is no operation of a name.
	ErrNotFound = errors.New("operation not found")
	// ErrLeaseLost says that an operation is no longer the worker's: another one has claimed it, or it is done. It is also the
	// cause of the context of such work.
	ErrLeaseLost = errors.New("lease of the operation lost")
	// ErrFull says that the store has no room for an operation of the principal, or for what is to be saved of one.
	ErrFull = errors.New("the store has no room")
)

// ConflictError says that another operation of the same conflict key is not done.
type ConflictError struct {
	// Other is the oldest such operation.
	Other *Record
}

// Error implements error.
func (e *ConflictError) Error() string { return "conflict with operation " + e.Other.Name }

// Query says which operations [Store.List] returns.
type Query struct {
	// Prefix is what their names begin with.
	Prefix string
	// Principal is who started them; nil for anybody.
	Principal *string
	// Method is the path of the RPC that started them; empty for any.
	Method string
	// ConflictKey is theirs; empty for any.
	ConflictKey string
	// Done says whether they are done; nil for both.
	Done *bool
	// Deleted adds those that were deleted and are not done.
	Deleted bool
	// After is the name that theirs come after, in byte order.
	After string
	// Limit is how many there are at most; 0 and below stand for 1000.
	Limit int
	// MaxBytes is how many bytes they have at most, as [Record.Bytes] counts them, but for the first one, which is returned in
	// any case; 0 and below stand for 4 MiB.
	MaxBytes int
}

// limits returns how many operations, of how many bytes, a query asks for.
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

// Progress is what [Store.Save] keeps. What is nil stays as it was.
type Progress struct {
	Metadata, Checkpoint []byte
}

// Result is how an operation ends: with a response or a status, encoded as a [Record] has them, the other one nil.
type Result struct {
	Response, Status []byte
	// Metadata is what it shows from then on; nil for what it showed before.
	Metadata []byte
}

// Again says when an operation that is given back is due again.
type Again struct {
	// After is how long from now.
	After time.Duration
	// Uncounted takes back the attempt: for work that was interrupted through no fault of its own.
	Uncounted bool
}
