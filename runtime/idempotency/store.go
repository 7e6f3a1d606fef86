package idempotency

import (
	"context"
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime/digest"
)

// Key is what a call is recognised by.
type Key struct {
	// Principal is the ID of who calls; empty where nobody is known.
	Principal string
	// Method is the path of the RPC: "/library.v1.BookService/CreateBook".
	Method string
	// IdempotencyKey is what the request says, at most [MaxIdempotencyKey] bytes; a UUID is in lower case.
	IdempotencyKey string
}

// Fence is what a call proves with that a claim is its own: random bytes, so that a store needs no counter, and a claim can be
// given back of which it is not known whether it was made.
type Fence [16]byte

// Claim is what a call asks of a store: to be the one that runs.
type Claim struct {
	Key    Key
	Digest [digest.Size]byte // of the request
	Fence  Fence
	Lease  time.Duration // how long the claim holds if nothing is heard of the call; always above 0
}

// Entry is what a store has of a key.
type Entry struct {
	// Digest is that of the request.
	Digest [digest.Size]byte
	// Fence is that of the call that runs, or has run.
	Fence Fence
	// Done says whether that has succeeded.
	Done bool
	// Response is what it answered, as proto.Marshal writes it. It must not be changed.
	Response []byte
}

// Store keeps the answers of calls. The suite in package storetest is the rest of this contract. All methods may be called
// at the same time, each is atomic, and times are the store's own: replicas have clocks that differ.
//
// A store is bounded in bytes, and principals share it. The claims of a principal take at most half of what those of all
// others leave, so that no principal keeps another from making claims. Responses share the rest: where there is no room, the
// principal whose responses take most loses those first whose windows end first, so that a principal loses none to another as
// long as its responses take no more than an equal part. (One response of up to a 64th of the store is kept in any case.)
type Store interface {
	// Begin makes the claim and returns the entry, whose fence is then the claim's. Where the key has an entry already, that
	// of a call that has succeeded within its window or whose lease is not over, Begin changes nothing and returns it. It may
	// be called again with the same claim. It is [ErrFull] where the claims of the principal take all that they may.
	Begin(context.Context, Claim) (Entry, error)
	// Finish notes that the call with the fence has succeeded, and keeps its response for the window from now: also where its
	// lease is over, as long as no other call has the key. It is [ErrLost] where the key has no claim with that fence, or has
	// a response, and [ErrFull] where the response is too large for the principal's share: the claim then stays as it is. The
	// store may keep response itself, which does not change any more.
	Finish(ctx context.Context, key Key, fence Fence, response []byte, window time.Duration) error
	// Release removes the claim with the fence. It does nothing where there is none, or it has a response.
	Release(ctx context.Context, key Key, fence Fence) error
}

// TxStore is a [Store] that can keep a response in a transaction of the user's own; see [Save].
type TxStore interface {
	Store
	// FinishTx is Finish as a part of tx, whose type the store documents: it counts once tx is committed and never was if tx
	// is rolled back. Nobody else gets the claim in between, even if its lease ends.
	FinishTx(ctx context.Context, tx any, key Key, fence Fence, response []byte, window time.Duration) error
}

var (
	// ErrLost is the error of a call whose lease was over, so that another one may have run in its place.
	ErrLost = errors.New("the claim is lost: its lease was over, or it has a response")
	// ErrNoTx is the error of a store for a value that is not what it takes for a transaction.
	ErrNoTx = errors.New("not a transaction of the store")
	// ErrFull is the error of a store that has no room for a claim or a response of the principal.
	ErrFull = errors.New("the store has no room")
)
