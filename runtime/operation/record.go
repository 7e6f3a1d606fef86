package operation

import "time"

// Record is an operation as a [Store] keeps it. Its times are of the store's clock.
type Record struct {
	// Name is the operation's full resource name: "operations/0b8…".
	Name string
	// Method is the path of the RPC that started it: "/shop.v1.BatchJobService/ProcessBatch".
	Method string
	// Principal is the ID of who started it; empty where nobody was known. Scopes are theirs at that time.
	Principal string
	Scopes    []string
	// IdempotencyKey is the id of the request that started it (AIP-155), unique together with Method and Principal where it is not
	// empty. Digest is that of the request without it; zero where it is empty.
	IdempotencyKey string
	Digest         [32]byte
	// ConflictKey is what no two operations work on at the same time; empty for those that may run beside any other.
	ConflictKey string

	// Request is the encoded request. Metadata and Response are encoded google.protobuf.Any messages, Status is an encoded
	// google.rpc.Status; Response and Status are empty until the operation is done, and then one of them is, and Request.
	Request, Metadata, Response, Status []byte
	// Checkpoint is what the work saved last, in an encoding of its own.
	Checkpoint []byte
	// Carrier is what the work takes along from the call that started it: request ID, traceparent.
	Carrier map[string]string

	// Lease is how long a claim holds without being renewed, Timeout how long the operation may run in all (0: no limit),
	// Retain how long it is kept when it is done (below 0: for ever), MaxAttempts how often it is begun.
	Lease, Timeout, Retain time.Duration
	MaxAttempts            int

	// Attempt counts the claims that have begun, but for those that were given back uncounted. Fence grows with each claim:
	// what is written with an older one is refused.
	Attempt int
	Fence   int64

	CreateTime time.Time
	UpdateTime time.Time
	StartTime  time.Time // of the first claim; zero before
	RunAfter   time.Time // not claimed before
	LeaseUntil time.Time // zero where nobody works on it
	CancelTime time.Time // when somebody asked to cancel it; zero if nobody did
	DoneTime   time.Time // zero until it is done
	ExpireTime time.Time // when it may be forgotten; zero for never, and until it is done
	DeleteTime time.Time // when its caller deleted it while it ran: it is hidden, and gone when it is done
}

// Done says whether the operation has ended, one way or the other.
func (r *Record) Done() bool { return !r.DoneTime.IsZero() }

// Bytes returns how many bytes the operation has that its caller and its work decide on: of its request, its metadata, its
// result and its checkpoint.
func (r *Record) Bytes() int {
	return len(r.Request) + len(r.Metadata) + len(r.Response) + len(r.Status) + len(r.Checkpoint)
}
