package operation

// Fields names the fields that a method's helper reads and writes, as paths of proto names:
// "parent", "page.token".
type Fields struct {
	// IdempotencyKey, ValidateOnly and ConflictKey are fields of the request; "" if it has none.
	// ConflictKey is a scalar: operations of the RPC whose requests have the same non-empty value
	// never run at the same time.
	IdempotencyKey, ValidateOnly, ConflictKey string
	// Children is the request's list of a batch's items.
	Children string
	// Single is the name of the method of the same service that does for one item what the
	// operation does for many. What its policy requires of callers and requests also applies to
	// [Method.Start] of the batch. Optional.
	Single string
	// FailedRequests is the metadata's map of failed items (AIP-233); "" means failed_requests,
	// if there is one.
	FailedRequests string
	// Name, Done, Error, Response and Metadata are fields of the operation message; "" means
	// those of google.longrunning.Operation or their other customary names.
	Name, Done, Error, Response, Metadata string

	// Status is the field of the operation message whose enum states whether the operation is done,
	// for messages without Done. Then Error may also be a string, or a message with a list errors;
	// "" means that there is no such field. Without Response or Metadata, the operation message
	// itself is the result or the metadata.
	Status string
	// DoneValues are its values for an operation that is done, the first one for success;
	// FailedValues those for one that is done and has failed, the first one for failure. A failed
	// value named CANCELLED or CANCELED, with or without a prefix, stands for a cancelled
	// operation. If the work has set another value for the same end, that one is written. Without
	// FailedValues, a done operation with an error has failed.
	DoneValues, FailedValues []string
	// PendingValue is its value before the first attempt, RunningValue the one after; "" means the
	// other one.
	PendingValue, RunningValue string
	// ErrorCode is the field with the code of the error: a gRPC code as a number or as its name, or
	// an HTTP status if its name contains "http"; "" if there is none.
	ErrorCode string
}
