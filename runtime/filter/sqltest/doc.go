// Package sqltest checks that the conditions of filters and page keys mean the same in databases as
// in Go. It is a separate module because of its database drivers.
package sqltest
