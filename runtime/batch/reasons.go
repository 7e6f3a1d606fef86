package batch

import (
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of batch errors, in the runtime's domain. Errors about one item have its index in their
// metadata.
const (
	// ReasonEmpty is the reason of INVALID_ARGUMENT for a request without items.
	ReasonEmpty rpcerr.Reason = "BATCH_EMPTY"
	// ReasonTooLarge is the reason of INVALID_ARGUMENT for a request with more items than the
	// method accepts; the metadata has "maxSize" and "size".
	ReasonTooLarge rpcerr.Reason = "BATCH_TOO_LARGE"
	// ReasonFieldMismatch is the reason of INVALID_ARGUMENT if a field of an item differs from
	// the same field of the request.
	ReasonFieldMismatch rpcerr.Reason = "BATCH_FIELD_MISMATCH"
	// ReasonNotFound is the reason of NOT_FOUND for an item without a result.
	ReasonNotFound rpcerr.Reason = "BATCH_NOT_FOUND"
	// ReasonResponseTooLarge is the reason of RESOURCE_EXHAUSTED if the results exceed the
	// maximum size of a response; the metadata has "maxBytes" and "size". In an item it means
	// that the item was processed but its result was dropped.
	ReasonResponseTooLarge rpcerr.Reason = "BATCH_RESPONSE_TOO_LARGE"
	// ReasonChildFailed is the reason of a failure of an item whose own error has none.
	ReasonChildFailed rpcerr.Reason = "BATCH_CHILD_FAILED"
)
