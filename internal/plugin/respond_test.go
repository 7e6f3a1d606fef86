package plugin

import "testing"

func TestPanicBecomesError(t *testing.T) {
	err := func() (err error) {
		defer panicToError(&err)
		panic("no such field")
	}()
	want := "internal error: no such field; please report it, with the proto files, at " + issues
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
