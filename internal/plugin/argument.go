package plugin

import (
	"strings"
)

// argument is a row of the table of command-line arguments. Execution, errors and --help derive
// from it.
type argument struct {
	name  string
	value string // the placeholder of its value; "" if it takes none
	help  string
	run   func(env Env, value string) int // returns the exit code
}

// usage returns the argument with the placeholder of its value.
func (a argument) usage() string { return strings.TrimSpace(a.name + " " + a.value) }
