package idempotency

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime/digest"
)

// Key identifies a call.
type Key struct {
	// Principal is the ID of the authenticated caller; "" for unauthenticated callers.
	Principal string
	// Method is the path of the RPC: "/library.v1.BookService/CreateBook".
	Method string
	// IdempotencyKey is the key in the request, at most [MaxIdempotencyKey] bytes; a UUID is in
	// lower case.
	IdempotencyKey string
}

// Fence proves that a claim belongs to a call: random bytes, so that a store needs no counter,
// and a claim can be released without knowing whether it was made.
type Fence [16]byte

// Claim is a call's request to be the one that runs.
type Claim struct {
	Key    Key
	Digest [digest.Size]byte // of the request
	Fence  Fence
	Lease  time.Duration // how long the claim holds unless it is renewed; always above 0
}

// Entry is a store's entry for a key.
type Entry struct {
	// Digest is that of the request.
	Digest [digest.Size]byte
	// Fence is that of the call that is running or has run.
	Fence Fence
	// Done reports whether the call has succeeded.
	Done bool
	// Response is the call's response, encoded by proto.Marshal. It must not be modified.
	Response []byte
}

// Store keeps the responses of calls. The suite in package storetest is the rest of this
// contract. All methods must be safe for concurrent use and atomic. Times are the store's own,
// because the clocks of replicas differ.
//
// A store is bounded in bytes, and principals share it. The claims of a principal take at most
// half of what all others leave, so that no principal keeps another from making claims. Responses
// share the rest: if there is no room, the principal whose responses take most loses those whose
// windows end first, so a principal loses none to another as long as its responses take no more
// than an equal part. (One response of up to a 64th of the store is always kept.)
type Store interface {
	// Begin makes the claim and returns the entry, which then has the claim's fence. If the key
	// already has an entry, of a call that succeeded within its window or whose lease has not
	// expired, Begin changes nothing and returns it. Begin may be repeated with the same claim.
	// It returns [ErrFull] if the claims of the principal use their whole share.
	Begin(context.Context, Claim) (Entry, error)
	// Renew restarts the lease of the claim with the fence, with the given duration from now, even if
	// it has expired, as long as no other call has the key. It returns [ErrLost], and makes no
	// claim, if the key has no claim with that fence, or has a response. While a transaction of
	// [TxStore] decides the outcome of the claim, Renew may wait or do nothing.
	Renew(ctx context.Context, key Key, fence Fence, lease time.Duration) error
	// Finish records that the call with the fence succeeded, and stores its response for the
	// window from now, even if its lease has expired, as long as no other call has the key. It
	// returns [ErrLost] if the key has no claim with that fence, or has a response. It returns
	// [ErrFull] if the response is too large for the principal's share; the claim then does not
	// change. The store may retain response, which is not modified later.
	Finish(ctx context.Context, key Key, fence Fence, response []byte, window time.Duration) error
	// Release removes the claim with the fence. It does nothing if there is none, or if it has a
	// response.
	Release(ctx context.Context, key Key, fence Fence) error
}

// TxStore is a [Store] that can store a response in a transaction of the user; see [Save].
type TxStore interface {
	Store
	// FinishTx is Finish as a part of tx, whose type the store documents: it takes effect when tx
	// is committed, and has no effect if tx is rolled back. No other call gets the claim in
	// between, even if its lease expires.
	FinishTx(ctx context.Context, tx any, key Key, fence Fence, response []byte, window time.Duration) error
}

var (
	// ErrLost is the error of a call whose lease expired, so that another one may have run
	// instead.
	ErrLost = errors.New("the claim is lost: its lease was over, or it has a response")
	// ErrNoTx is the error for a value that is not a transaction of the store.
	ErrNoTx = errors.New("not a transaction of the store")
	// ErrFull is the error of a store that has no room for a claim or a response of the
	// principal.
	ErrFull = errors.New("the store has no room")
)
