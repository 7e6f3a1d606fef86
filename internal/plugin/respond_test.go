package plugin

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/diag"
)

func TestPanicBecomesError(t *testing.T) {
	err := func() (problems diag.List) {
		defer reportPanic(&problems)
		panic("no such field")
	}().Err()
	want := "internal error: no such field; please report it, with the proto files, at " + issues
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
