package runtime

// Policy is what a proto says of one RPC beyond its types: a row of the generated table.
type Policy struct {
	// Idempotency is the proto's idempotency_level.
	Idempotency Idempotency
}

// Idempotency says what repeating a call does.
type Idempotency int

const (
	// IdempotencyUnknown is the default: repeating the call may repeat its effect.
	IdempotencyUnknown Idempotency = iota
	// NoSideEffects marks a call that only reads.
	NoSideEffects
	// Idempotent marks a call that may be repeated with the effect of one.
	Idempotent
)
