package server

import (
	"math"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The errors of streams that took too long.
var (
	errStreamIdle = rpcerr.ReasonStreamIdle.
			Errorf(codes.DeadlineExceeded, "the stream was without a message for too long").Fixed()
	errStreamTimeout = rpcerr.ReasonStreamTimeout.
				Errorf(codes.DeadlineExceeded, "the stream took too long").Fixed()
)

// streamWatch records when a stream last received or sent a message. A nil streamWatch does
// nothing.
type streamWatch struct {
	start time.Time
	last  atomic.Int64 // since start
}

func (w *streamWatch) touch() {
	if w != nil {
		w.last.Store(int64(time.Since(w.start)))
	}
}

// remaining returns how much longer the stream may run, and the error that it fails with then.
func (w *streamWatch) remaining(d deadlines) (time.Duration, error) {
	now := time.Since(w.start)
	remaining, err := time.Duration(math.MaxInt64), error(nil)
	if d.idle > 0 {
		remaining, err = time.Duration(w.last.Load())+d.idle-now, errStreamIdle
	}
	if d.total > 0 && d.total-now < remaining {
		remaining, err = d.total-now, errStreamTimeout
	}
	return remaining, err
}
