package idempotency

import "github.com/grpcservice/grpcservice/runtime/internal/uuid"

// NewKey returns a unique idempotency key: a version 4 UUID, as AIP-155 recommends. Generated
// clients set one themselves. A caller that may repeat a request after a restart creates the key
// itself and stores it.
func NewKey() string { return uuid.New() }
