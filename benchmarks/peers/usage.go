// Package peers is what the servers share that are compared: who their callers are, their rates,
// and how a server reports what it has used. Each server is a program in a module of its own, so
// that none changes the versions of another.
package peers

import (
	"runtime"
	"syscall"
	"time"
)

// Usage is what a process has used so far, or what a block of calls has used of it.
type Usage struct {
	CPU    time.Duration
	Allocs uint64
	Bytes  uint64
	Memory uint64 // at present, where it was asked for
}

// Used returns what this process has used so far.
func Used() (Usage, error) {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return Usage{}, err
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return Usage{
		CPU:    time.Duration(ru.Utime.Nano() + ru.Stime.Nano()),
		Allocs: mem.Mallocs,
		Bytes:  mem.TotalAlloc,
	}, nil
}

// Since returns what has been used since before.
func (u Usage) Since(before Usage) Usage {
	return Usage{CPU: u.CPU - before.CPU, Allocs: u.Allocs - before.Allocs, Bytes: u.Bytes - before.Bytes}
}

// Plus adds what another block has used.
func (u Usage) Plus(more Usage) Usage {
	return Usage{CPU: u.CPU + more.CPU, Allocs: u.Allocs + more.Allocs, Bytes: u.Bytes + more.Bytes}
}

// Memory returns what this process holds: its heap and its stacks.
func Memory() uint64 {
	runtime.GC()
	runtime.GC() // what pools still held
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return mem.HeapAlloc + mem.StackInuse
}
