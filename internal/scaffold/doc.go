// Package scaffold writes the repository of a new service, and says what an existing one must add
// to generate services.
//
// [Run] is the command init. A new repository is made in a temporary directory, up to and
// including its generated code and its go.sum, and copied when nothing can fail any more but the
// disk. What it contains is below files: templates, and the descriptor of the proto among them, so
// that the program needs no compiler of protos.
package scaffold
