// Package bulk serves client-streaming RPCs whose requests are items, each to be processed alone,
// such as the rows of an import. The response says how many succeeded, and which failed and why.
package bulk

import (
	"context"
	"math"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of bulk errors, as [rpcerr.ReasonOf] returns them.
const (
	// ReasonTooManyItems is the reason of RESOURCE_EXHAUSTED for a stream with more items than the
	// method accepts. The metadata has the limit as "maxItems".
	ReasonTooManyItems rpcerr.Reason = "BULK_TOO_MANY_ITEMS"
	// ReasonTooManyFailures is the reason of ABORTED for a stream of which more items failed than the
	// method tolerates. The metadata has the limit as "maxFailures", and the index of the last
	// failure as "index".
	ReasonTooManyFailures rpcerr.Reason = "BULK_TOO_MANY_FAILURES"
)

// Method is a bulk RPC of a service of Go type S. Servers call [Method.Each]; clients call the
// method of the service with a stream. It is safe for concurrent use.
type Method[S, Req, Resp any] struct {
	info runtime.MethodInfo
}

// Of returns the bulk RPC that info describes.
func Of[S, Req, Resp any](info runtime.MethodInfo, _ func(S, context.Context, runtime.Stream[Req]) (*Resp, error)) *Method[S, Req, Resp] {
	return &Method[S, Req, Resp]{info: info}
}

// Info describes the RPC.
func (m *Method[S, Req, Resp]) Info() runtime.MethodInfo { return m.info }

// Result is what came of the items of a stream.
type Result struct {
	// Received is how many items were processed, and Succeeded how many of them did not fail.
	Received, Succeeded int64
	// Failures are the items that failed, in the order of their indexes.
	Failures []Failure
}

// Failure is an item that failed.
type Failure struct {
	// Index is the position of the item in the stream, from 0.
	Index int64
	// Err is the error of the item.
	Err error
}

// Statuses returns the failures as a map of statuses by index, as AIP-233 has them in
// failed_requests. A status holds what a caller may see: see [rpcerr.PublicStatus]. Failures with
// an index above [math.MaxInt32], for which such a map has no key, are only in r.Failures.
func (r Result) Statuses() map[int32]*spb.Status {
	if len(r.Failures) == 0 {
		return nil
	}
	statuses := make(map[int32]*spb.Status, len(r.Failures))
	for _, failure := range r.Failures {
		if failure.Index <= math.MaxInt32 {
			statuses[int32(failure.Index)] = rpcerr.PublicStatus(failure.Err).Proto()
		}
	}
	return statuses
}
