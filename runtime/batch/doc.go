// Package batch serves and calls methods that take many items in one request (AIP-231 to
// AIP-235).
//
// Generated code has a [Method] for each batch RPC, which knows the fields of the items and the
// results. On the server, [Method.Load] responds with one query and [Method.Each] with one call
// per item; both check sizes and fields, keep the order and fill the response. On the client,
// [Method.Split] makes calls of a size that the server accepts, and [Method.Loader] combines
// single gets into batches.
//
// There are four shapes of batches, which differ in what happens if an item fails:
//
//   - ordered: each result is at the index of its item. If one item fails, the batch fails.
//   - done: like ordered, but the response has no results.
//   - keyed: a map of results by item. An item that is not found is missing from it; any other
//     failure fails the batch.
//   - per item: each item has its own result or status.
package batch
