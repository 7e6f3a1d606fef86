package client

import (
	"fmt"
	"runtime/debug"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// RequestPanic is a panic from another goroutine of a call, raised again in the goroutine that
// made the call: in the request stream of a bidi call or in an interceptor of a hedged call.
type RequestPanic struct {
	// Value is the value passed to panic.
	Value any
	// Stack is the stack of the goroutine that panicked, formatted by [debug.Stack].
	Stack []byte
}

// Error returns the value and the stack: the process prints it if nothing recovers the panic.
func (p *RequestPanic) Error() string {
	return fmt.Sprintf("panic while sending requests: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error.
func (p *RequestPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// requestPanicOf returns a recovered value as a RequestPanic. It must run while the panicking
// frames are still on the stack.
func requestPanicOf(value any) *RequestPanic {
	switch p := value.(type) {
	case *RequestPanic: // from a call made inside the request stream
		return p
	case *each.Panic:
		return &RequestPanic{Value: p.Value, Stack: p.Stack}
	default:
		return &RequestPanic{Value: value, Stack: debug.Stack()}
	}
}
