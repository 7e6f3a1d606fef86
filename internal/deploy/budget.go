package deploy

import (
	"fmt"
	"time"
)

// shutdownMargin is the longest time that a shutdown of the runtime's server takes beyond its two
// options: one second for canceled calls to respond and two for methods to return.
const shutdownMargin = 3 * time.Second

// gracePeriod returns the seconds that a pod needs between SIGTERM and SIGKILL for its server to
// complete its shutdown.
func gracePeriod(app App) int64 {
	return ceil(app.DrainDelay+app.ShutdownTimeout+shutdownMargin, time.Second)
}

// graceNote explains how the grace period is computed.
func graceNote(app App) string {
	return fmt.Sprintf("%v drain delay + %v shutdown timeout + %v for calls that are cut off. Raise it if you raise one of the first two, which are set in env.",
		app.DrainDelay, app.ShutdownTimeout, shutdownMargin)
}

// ceil returns d in units, rounded up.
func ceil(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
