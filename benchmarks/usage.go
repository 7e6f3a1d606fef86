package main

import (
	goruntime "runtime"
	"syscall"
	"time"
)

// usage is what a process has used so far, or what a block of calls has used of it.
type usage struct {
	CPU    time.Duration
	Allocs uint64
	Bytes  uint64
	Memory uint64 // at present, where it was asked for
}

// used returns what this process has used so far.
func used() (usage, error) {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return usage{}, err
	}
	var mem goruntime.MemStats
	goruntime.ReadMemStats(&mem)
	return usage{
		CPU:    time.Duration(ru.Utime.Nano() + ru.Stime.Nano()),
		Allocs: mem.Mallocs,
		Bytes:  mem.TotalAlloc,
	}, nil
}

// since returns what has been used since before.
func (u usage) since(before usage) usage {
	return usage{CPU: u.CPU - before.CPU, Allocs: u.Allocs - before.Allocs, Bytes: u.Bytes - before.Bytes}
}

// memory returns what this process holds: its heap and its stacks.
func memory() uint64 {
	goruntime.GC()
	goruntime.GC() // what pools still held
	var mem goruntime.MemStats
	goruntime.ReadMemStats(&mem)
	return mem.HeapAlloc + mem.StackInuse
}
