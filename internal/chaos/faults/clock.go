package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Clock is the clock of programs in C, which libfaketime sets. Go programs read the clock without
// the C library, so it cannot be theirs.
type Clock struct{ library, file string }

var errNoFaketime = errors.New(
	"there is no libfaketime; run make test-servers, or install the package libfaketime")

// NewClock returns a clock that keeps its offset in dir. It returns an error if libfaketime is not
// installed.
func NewClock(dir string) (*Clock, error) {
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		return nil, errNoFaketime
	}
	c := &Clock{library: found[0], file: filepath.Join(dir, "clock")}
	return c, c.Set(0)
}

// Env returns the variables of a program with this clock. Its monotonic clock stays that of the
// machine, as after a jump of a real one.
func (c *Clock) Env() []string {
	return []string{
		"LD_PRELOAD=" + c.library, "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_CACHE_DURATION=1",
		"FAKETIME_DONT_FAKE_MONOTONIC=1",
	}
}

// ClockDelay is how long programs need to notice that a [Clock] was set.
const ClockDelay = 1500 * time.Millisecond

// Set sets the clock to an offset from the time of the machine.
func (c *Clock) Set(offset time.Duration) error {
	next := c.file + ".new" // so that no program reads half a file
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+.3f\n", offset.Seconds()), 0o644); err != nil {
		return err
	}
	return os.Rename(next, c.file)
}
