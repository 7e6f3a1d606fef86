package web

// stackBytes is more than a call needs of its goroutine's stack, in this package, the protocols and
// the pipeline.
const stackBytes = 10 << 10

// growStack grows the stack of a goroutine that has only started: each growth copies all frames, and
// a new goroutine of HTTP/2 would grow three times on its way to the method.
//
//go:noinline
func growStack(i int) byte {
	var room [stackBytes]byte
	return room[i%stackBytes]
}
