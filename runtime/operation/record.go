package operation

import "time"

// Record is an operation in a [Store]. Its times come from the store's clock.
type Record struct {
	// Name is the operation's full resource name: "operations/0b8…".
	Name string
	// Method is the path of the RPC that started it: "/shop.v1.BatchJobService/ProcessBatch".
	Method string
	// Principal is the ID of the principal that started it; "" for an unauthenticated caller.
	// Scopes are the principal's at that time.
	Principal string
	Scopes    []string
	// IdempotencyKey is the key of the request that started it (AIP-155). If it is set, it is
	// unique together with Method and Principal, and Digest is that of the request without it;
	// otherwise Digest is zero.
	IdempotencyKey string
	Digest         [32]byte
	// ConflictKey is the key that no two running operations share; "" for operations that may run
	// beside any other.
	ConflictKey string

	// Request is the encoded request. Metadata and Response are encoded google.protobuf.Any
	// messages, Status is an encoded google.rpc.Status. Response and Status are empty until the
	// operation is done; then Request and one of them are.
	Request, Metadata, Response, Status []byte
	// Checkpoint is what the work saved last, in its own encoding.
	Checkpoint []byte
	// Carrier is what the work inherits from the call that started it: request ID, traceparent.
	Carrier map[string]string

	// Lease is how long a claim lasts without renewal, Timeout how long the operation may run in
	// all (0: no limit), Retain how long it is kept after its end (below 0: forever), and
	// MaxAttempts the maximum number of attempts.
	Lease, Timeout, Retain time.Duration
	MaxAttempts            int

	// Attempt counts the attempts, except those that were released uncounted. Fence grows with
	// each claim: writes with an older one are rejected.
	Attempt int
	Fence   int64
	// Saves is the Number of the last [Progress] that was saved; 0 for none. Claims do not change
	// it.
	Saves int64

	CreateTime time.Time
	UpdateTime time.Time
	StartTime  time.Time // of the first claim; zero before
	RunAfter   time.Time // not claimed before
	LeaseUntil time.Time // zero if it has no lease
	CancelTime time.Time // when it was cancelled; zero if it was not
	DoneTime   time.Time // zero until it is done
	ExpireTime time.Time // when it may be removed; zero for never, and until it is done
	DeleteTime time.Time // when its caller deleted it while it ran: it is hidden, and removed when it is done
}

// Done reports whether the operation has ended, with success or failure.
func (r *Record) Done() bool { return !r.DoneTime.IsZero() }

// Bytes returns the size of the parts that the caller and the work determine: the request, the
// metadata, the result and the checkpoint.
func (r *Record) Bytes() int {
	return len(r.Request) + len(r.Metadata) + len(r.Response) + len(r.Status) + len(r.Checkpoint)
}
