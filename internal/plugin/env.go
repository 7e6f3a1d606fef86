package plugin

import (
	"io"
	"io/fs"
)

// Env is what a process has.
type Env struct {
	Args   []string // without the name of the program
	Stdin  io.Reader
	Stdout io.Writer // for the response, and nothing else
	Stderr io.Writer

	// ReadFile reads a file of the user, by its path from the directory in which the process runs.
	ReadFile func(path string) ([]byte, error)

	// Tree is the file system, from its root, and Dir the directory in it in which the process runs. They are for parameters that name
	// directories of the user, and may be left out where there is none.
	Tree fs.FS
	Dir  string
}

// The exit codes of Run.
const (
	exitAnswered = 0 // also where the answer is an error: it is for the caller to report
	exitNoAnswer = 1
	exitMisused  = 2
)
