package runtime

import (
	"context"
	"time"
)

// Observer watches calls, for example to count or trace them. Bind is called once for each method,
// when the method is registered, so that labels and attributes are looked up once. It may return
// nil to skip a method.
type Observer interface {
	Bind(MethodInfo) MethodObserver
}

// MethodObserver watches the calls of one method.
type MethodObserver interface {
	// Begin is called before any other step of the pipeline. The call continues with the context that
	// it returns.
	Begin(ctx context.Context, call Call) context.Context
	// End is called when the call has finished, whether the method ran or the pipeline rejected the
	// call.
	End(ctx context.Context, call Call, outcome Outcome)
}

// Outcome is how a call ended.
type Outcome struct {
	// Err is the status that the caller receives; nil for OK.
	Err error
	// Cause is the underlying error, which the caller does not receive.
	Cause error
	// Duration is the time since the call arrived.
	Duration time.Duration
}
