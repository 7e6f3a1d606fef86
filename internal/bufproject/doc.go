// Package bufproject reads what decides about generated code in a repository: the settings of buf,
// calls of protoc, go.mod files and protos.
//
// It reads and does not judge: package doctor does, and package scaffold says what to add. Paths
// are slash-separated and relative to the directory that a [Project] was read from.
package bufproject
