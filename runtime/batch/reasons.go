package batch

import (
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors of batches, in the domain of the runtime. The metadata of the errors that are about one child has its index.
const (
	// ReasonEmpty is the reason of INVALID_ARGUMENT for a request without children.
	ReasonEmpty rpcerr.Reason = "BATCH_EMPTY"
	// ReasonTooLarge is the reason of INVALID_ARGUMENT for a request of more children than the method takes; the metadata has
	// "maxSize" and "size".
	ReasonTooLarge rpcerr.Reason = "BATCH_TOO_LARGE"
	// ReasonFieldMismatch is the reason of INVALID_ARGUMENT where a field of a child differs from the same field of the request.
	ReasonFieldMismatch rpcerr.Reason = "BATCH_FIELD_MISMATCH"
	// ReasonNotFound is the reason of NOT_FOUND for a child that there is no result for.
	ReasonNotFound rpcerr.Reason = "BATCH_NOT_FOUND"
	// ReasonResponseTooLarge is the reason of RESOURCE_EXHAUSTED where the results have more bytes than can be sent; the metadata
	// has "maxBytes" and "size". In an item it says so of one result, whose child was worked on all the same.
	ReasonResponseTooLarge rpcerr.Reason = "BATCH_RESPONSE_TOO_LARGE"
	// ReasonChildFailed is the reason of what fails for a child whose own error has none.
	ReasonChildFailed rpcerr.Reason = "BATCH_CHILD_FAILED"
)
