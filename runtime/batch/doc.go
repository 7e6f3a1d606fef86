// Package batch serves and calls methods that take many children in one request (AIP-231 to AIP-235).
//
// Generated code has a [Method] for each RPC that is a batch, which knows where the children and the results are. On the server
// [Method.Load] answers with one query and [Method.Each] with a call for each child; both check sizes and fields, keep the order
// and fill the response. On the client [Method.Split] makes calls of a size that the server takes, and [Method.Loader] makes
// batches of single gets.
//
// There are four shapes of batches, which differ in what happens when a child fails:
//
//   - ordered: the result of each child is at its index. All fail with the first that fails.
//   - done: as ordered, but the response has no results.
//   - keyed: a map of results by child. A child that is not found is missing from it; any other failure fails all.
//   - per item: each child has a result or a status of its own.
package batch
