package operation

import "time"

// TryAgain returns err as one after which the work is begun again, from its last checkpoint, as long as it has attempts left:
// for what passes, such as a service that is away. Any other error ends the operation. It waits for the given time; for 0, for
// as long as [Backoff] says. The error of the last attempt ends the operation.
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
