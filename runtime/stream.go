package runtime

import "iter"

// Stream is the requests or responses of a streaming RPC.
//
// It yields messages with a nil error and then ends, or yields one error last, with a nil message.
// The source of a Stream determines how often it can be ranged over:
//
//   - Requests on a server are delivered once. A second range continues where the first stopped, so
//     that one loop can read a header and the next loop the rest.
//   - Each range over the responses of a client starts a new call. Breaking out of the loop cancels
//     it.
//   - The runtime ranges once over a stream that a method or a caller supplies.
type Stream[T any] = iter.Seq2[*T, error]

// Fail returns a stream that yields err.
func Fail[T any](err error) Stream[T] {
	return func(yield func(*T, error) bool) { yield(nil, err) }
}
