// Package servicetest tests services over an in-memory connection, through the pipeline that a real server has.
//
// [Serve] hands out a connection to a service, [Check] holds a service to the contract that callers rely on, and [NoLeaks]
// finds goroutines that a test leaves behind. Generated test packages wrap the first two for their services.
package servicetest
