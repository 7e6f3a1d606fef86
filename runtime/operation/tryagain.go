package operation

import "time"

// TryAgain returns err marked so that the operation is retried from its last checkpoint, as long
// as it has attempts left: for temporary failures, such as an unavailable service. Any other
// error ends the operation. The retry starts after wait, or, if it is 0, after the wait of
// [WithBackoff]. The error of the last attempt ends the operation.
func TryAgain(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &tryAgain{cause: err, wait: wait}
}

// tryAgain is an error that does not end an operation.
type tryAgain struct {
	cause error
	wait  time.Duration
}

func (t *tryAgain) Error() string { return t.cause.Error() }
func (t *tryAgain) Unwrap() error { return t.cause }
