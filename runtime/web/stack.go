package web

// stackBytes is more than a call needs of its goroutine's stack, in this package, the protocols and
// the pipeline.
const stackBytes = 5 << 10

// growStack grows the stack of a goroutine that has only started: each growth copies all frames, and
// a new goroutine of HTTP/2 would grow three times on its way to the method. What counts is the size
// of the frame, which is cleared only if it is used.
//
//go:noinline
func growStack(use int) byte {
	if use == 0 {
		return 0
	}
	var room [stackBytes]byte
	return room[use%stackBytes]
}
