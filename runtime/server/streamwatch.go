package server

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The errors of streams that took too long.
var (
	errStreamIdle    = rpcerr.ReasonStreamIdle.Errorf(codes.DeadlineExceeded, "the stream was without a message for too long").Fixed()
	errStreamTimeout = rpcerr.ReasonStreamTimeout.Errorf(codes.DeadlineExceeded, "the stream took too long").Fixed()
)

// streamWatch knows when the last message of a stream went. A nil streamWatch does not care.
type streamWatch struct {
	start time.Time
	last  atomic.Int64 // since start
}

// touch notes that a message went.
func (w *streamWatch) touch() {
	if w != nil {
		w.last.Store(int64(time.Since(w.start)))
	}
}

// left returns how much longer the stream may go on, and the error that it ends with then.
func (w *streamWatch) left(d deadlines) (time.Duration, error) {
	now := time.Since(w.start)
	left, err := time.Duration(1<<63-1), error(nil)
	if d.idle > 0 {
		left, err = time.Duration(w.last.Load())+d.idle-now, errStreamIdle
	}
	if d.total > 0 && d.total-now < left {
		left, err = d.total-now, errStreamTimeout
	}
	return left, err
}
