package plugin

import (
	"io"
	"io/fs"
)

// Env is the environment of the process.
type Env struct {
	Args   []string // without the program name
	Stdin  io.Reader
	Stdout io.Writer // only for the response or the output of an argument
	Stderr io.Writer

	// ReadFile reads a file of the user. The path is relative to the working directory.
	ReadFile func(path string) ([]byte, error)

	// Tree is the file system, starting at its root, and Dir the working directory in it. Both are
	// for parameters that name directories of the user, and may be unset if there are none.
	Tree fs.FS
	Dir  string

	// Commands are what the program does for a person, besides what buf and protoc run it for.
	Commands []Command
}

// Command is a word of the command line that has its own arguments, such as init.
type Command struct {
	Name  string
	Usage string // the placeholders of its arguments
	Help  string // for --help, without a period
	Run   func(args []string) int
}

// Exit codes of Run.
const (
	exitAnswered = 0 // also if the response has an error, which the caller reports
	exitNoAnswer = 1
	exitMisused  = 2
)
