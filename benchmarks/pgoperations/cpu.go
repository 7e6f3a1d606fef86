package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is the process of the server that this process has started; 0 for another server.
var postmaster int

// postmasterOf returns the process of a server by its directory.
func postmasterOf(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	pid, _ := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	return pid
}

// cpu is the time that the client and the server have used.
type cpu struct{ client, server time.Duration }

// used returns the CPU time so far.
func used() (c cpu) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		c.client = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	if postmaster == 0 {
		return c
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // from the third field on, the state
		if len(fields) < 15 {
			continue
		}
		own := filepath.Base(filepath.Dir(path)) == strconv.Itoa(postmaster)
		if !own && fields[1] != strconv.Itoa(postmaster) {
			continue
		}
		last := 13 // utime and stime; those of children that have exited, for the postmaster
		if own {
			last = 15
		}
		for _, field := range fields[11:last] {
			ticks, _ := strconv.Atoi(field)
			c.server += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return c
}

// since returns what was used after an earlier time.
func (c cpu) since(before cpu) cpu { return cpu{c.client - before.client, c.server - before.server} }

// per returns the microseconds per operation.
func (c cpu) per(n int) (client, server float64) {
	return float64(c.client.Microseconds()) / float64(max(n, 1)), float64(c.server.Microseconds()) / float64(max(n, 1))
}
