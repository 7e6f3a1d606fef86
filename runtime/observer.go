package runtime

import (
	"context"
	"time"
)

// Observer watches calls: to count them, to trace them. Bind is called once for each method, when it is registered, so that
// labels and attributes are looked up once; it may return nil for a method that it does not care for.
type Observer interface {
	Bind(MethodInfo) MethodObserver
}

// MethodObserver watches the calls of one method.
type MethodObserver interface {
	// Begin is told of a call before anything is asked of it. The context that it returns is the one that the call goes on with.
	Begin(ctx context.Context, call Call) context.Context
	// End is told how the call ended, whether the method ran or the pipeline refused it.
	End(ctx context.Context, call Call, outcome Outcome)
}

// Outcome is how a call ended.
type Outcome struct {
	// Err is the status that the caller gets, nil for OK.
	Err error
	// Cause is the error behind it, which is not for the caller.
	Cause error
	// Duration is the time from the arrival of the call to its end.
	Duration time.Duration
}
