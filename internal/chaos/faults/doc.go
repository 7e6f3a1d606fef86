// Package faults breaks what a service runs on: its processes, its database, their clock and disk,
// and the network between them.
package faults
