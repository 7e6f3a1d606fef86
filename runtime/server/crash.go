package server

import "fmt"

// WithCrashOnPanic has a panic end the process, as one does that nothing recovers, for those who would
// rather restart than go on with what a panic may have left behind. It concerns each panic that the
// server recovers otherwise: in a method, the iterator of a stream, a goroutine of [runtime.Go] within a call,
// what [runtime.Recovered] is told of, observers, and work of [Server.Background].
//
// The panic is logged, and the [PanicHandler] returns, before the process ends with exit code 2 and the
// panic on stderr. Nothing is drained: the call gets no answer, no goroutine is waited for, no deferred
// function of any goroutine runs, and all open calls and streams of the process break. Their callers get
// UNAVAILABLE.
func WithCrashOnPanic() Option {
	return func(c *settings) { c.crash = true }
}

// crash is what the process ends with.
type crash struct {
	value any
	stack []byte
}

// Error returns the panic with the stack that it had.
func (c *crash) Error() string {
	return fmt.Sprintf("%v [WithCrashOnPanic]\n\n%s", c.value, c.stack)
}

// die ends the process by a panic in a goroutine where nothing recovers it. It does not return.
func die(value any, stack []byte) {
	go func() { panic(&crash{value, stack}) }()
	select {}
}
