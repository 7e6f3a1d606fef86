// Package sqltest checks that the conditions of filters and of page keys mean in databases what they mean in Go. It is a module of its
// own, for its drivers.
package sqltest
