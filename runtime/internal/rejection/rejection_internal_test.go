package rejection

import (
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// TestPushbackFitsAnInt32 checks that clients can parse the requested delay, however long it is.
func TestPushbackFitsAnInt32(t *testing.T) {
	r := &Errors{Make: func(wait time.Duration) error {
		return rpcerr.ReasonRateLimited.Errorf(codes.Aborted, "wait").WithRetryAfter(wait)
	}}
	text := r.of(len(r.made) - 1).trailer.Get(pushbackHeader)
	if ms, err := strconv.ParseInt(text[0], 10, 32); err != nil || ms < (24*time.Hour).Milliseconds() {
		t.Errorf("the longest wait is %q", text)
	}
}
