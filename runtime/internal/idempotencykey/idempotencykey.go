// Package idempotencykey reads idempotency keys: the values of the field request_id of requests
// (AIP-155).
package idempotencykey

import (
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Max is the length of the longest key, in bytes.
const Max = 256

// Read returns the key that the named field of a request holds, in the form that keys are compared
// in: a UUID is in lower case. The error, for the caller, is INVALID_ARGUMENT where the key is
// longer than [Max], or where it is no UUID of version 4 and uuid4 is set.
func Read(field, key string, uuid4 bool) (string, error) {
	switch {
	case uuid4 && key != "" && !uuid.IsV4(key):
		return "", rpcerr.Invalid(rpcerr.FieldViolation{Field: field, Description: "must be a UUID of version 4", Reason: "FORMAT"})
	case len(key) > Max:
		return "", rpcerr.Invalid(rpcerr.Violation(field, "must have at most %d bytes, has %d", Max, len(key)))
	}
	return uuid.Canonical(key), nil
}
