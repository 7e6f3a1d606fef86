package batch

// Fields names the fields of a batch with their proto names; fields in nested messages have dots:
// "batch.ids".
type Fields struct {
	// Children is the request's list of items: IDs or requests.
	Children string
	// Results is the response's list or map of results. A [Done] batch has none.
	Results string
	// Missing is the response's list of items that were not found, for a [Keyed] batch. Optional.
	Missing string
	// Status is the field of an item's error and Value that of its result, for a [PerItem] batch.
	Status, Value string
	// IdempotencyKey is the request's idempotency key field. Optional.
	IdempotencyKey string
	// Hoisted are fields of the request that stand for the field of the same name in each item.
	// If items are resource names, a hoisted field is the parent of all of them.
	Hoisted []string
	// Single is the name of the method of the same service that does for one item what the batch
	// does for many. What its policy requires of callers and requests applies to the batch too;
	// see [Method.Load]. Optional.
	Single string
}
