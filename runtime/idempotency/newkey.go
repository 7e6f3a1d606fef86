package idempotency

import "github.com/grpcservice/grpcservice/runtime/internal/uuid"

// NewKey returns an idempotency key that nobody else has: a version 4 UUID, which AIP-155 recommends. Generated clients fill one
// in by themselves; a caller makes its own where it has to send the same request again after it was restarted, and keeps it.
func NewKey() string { return uuid.New() }
