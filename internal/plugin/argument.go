package plugin

import (
	"strings"
)

// argument is a row of the table of what the program does by hand: running it, its errors and --help
// derive from it.
type argument struct {
	name  string
	value string // what follows it; "" if nothing does
	help  string
	run   func(env Env, value string) int // returns the exit code
}

// usage returns the argument with what follows it.
func (a argument) usage() string { return strings.TrimSpace(a.name + " " + a.value) }
