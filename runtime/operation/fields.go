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
}
