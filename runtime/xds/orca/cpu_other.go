//go:build !unix && !windows

package orca

import "time"

// cpuTime reports that the CPU time of the process is unknown.
func cpuTime() (time.Duration, bool) { return 0, false }
