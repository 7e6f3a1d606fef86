package runtime

import "iter"

// Stream is a sequence of messages: what a streaming RPC reads or answers.
//
// It yields messages with a nil error, then ends, or yields one error last, with a nil message. Where a Stream comes from
// decides how often it can be ranged over:
//
//   - the requests that a server receives are read once: a second range goes on where the first stopped, so that a header
//     can be taken in one loop and the rest in another;
//   - the responses that a client reads start a new call with each range, and breaking out of the loop cancels that call;
//   - what a method or a caller supplies is ranged over once by the runtime.
type Stream[T any] = iter.Seq2[*T, error]

// Fail returns the stream that holds nothing but err.
func Fail[T any](err error) Stream[T] {
	return func(yield func(*T, error) bool) { yield(nil, err) }
}
