package deploy

import (
	"fmt"
	"time"
)

// shutdownMargin is what a shutdown of the runtime's server takes at most beyond its two options: a second for cancelled calls
// to answer and two for methods to return.
const shutdownMargin = 3 * time.Second

// gracePeriod returns how many seconds a pod needs between SIGTERM and SIGKILL, so that the shutdown of its server is never
// cut short.
func gracePeriod(app App) int64 {
	return ceil(app.DrainDelay+app.ShutdownTimeout+shutdownMargin, time.Second)
}

// graceNote shows how the grace period adds up.
func graceNote(app App) string {
	return fmt.Sprintf("%v drain delay + %v shutdown timeout + %v for calls that are cut off. Raise it if you raise one of the first two, which are set in env.",
		app.DrainDelay, app.ShutdownTimeout, shutdownMargin)
}

// ceil returns how many whole units d takes up.
func ceil(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
