package page_test

import (
	"database/sql/driver"
	goruntime "runtime"
)

// runtimeGoexit ends the goroutine, as FailNow does.
func runtimeGoexit() { goruntime.Goexit() }

// null is a text as databases have it, NULL where it is empty.
type null struct{ text string }

func (n null) Value() (driver.Value, error) {
	switch n.text {
	case "":
		return nil, nil
	case "failed":
		return nil, errFailed
	}
	return n.text, nil
}

// endless says that its value is itself.
type endless struct{}

func (e endless) Value() (driver.Value, error) { return e, nil }
