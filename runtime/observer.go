package runtime

import (
	"context"
	"time"
)

// Observer watches calls, for example to count or trace them: those that a server receives, or
// those that a client makes. Bind is called once for each method, when the method is registered or
// bound to a connection, so that labels and attributes are looked up once. It may return nil to
// skip a method.
//
// A panic of an observer is logged, at most once a minute; the call continues, and End is called
// even if Begin panicked.
type Observer interface {
	Bind(MethodInfo) MethodObserver
}

// MethodObserver watches the calls of one method.
type MethodObserver interface {
	// Begin is called before any other step of the pipeline, and on a client before the first
	// attempt. The call continues with the context that it returns.
	Begin(ctx context.Context, call Call) context.Context
	// End is called when the call has finished, whether the method ran or the pipeline rejected the
	// call.
	End(ctx context.Context, call Call, outcome Outcome)
}

// AttemptObserver is a [MethodObserver] that also watches the attempts of a client's calls.
type AttemptObserver interface {
	MethodObserver
	// Attempt is called when an attempt of a call starts that is not its first: a retry or a hedge.
	// number counts from 1, so it is at least 2. Attempts of a hedged call are concurrent; Attempt
	// is not called after End.
	Attempt(ctx context.Context, call Call, number int)
}

// Outcome is how a call ended.
type Outcome struct {
	// Err is the status that the caller receives; nil for OK.
	Err error
	// Cause is the underlying error, which the caller does not receive.
	Cause error
	// Duration is the time since the call arrived, or since the client started it.
	Duration time.Duration
	// Step is the step of a server's pipeline that rejected the call or one of its messages, as
	// docs/pipeline.md names it: "authenticate", "rates". It is "" for a call that the method failed,
	// and for calls of clients.
	Step string
}
