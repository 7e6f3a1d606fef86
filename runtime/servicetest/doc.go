// Package servicetest tests services over an in-memory connection, through the pipeline that a
// real server has.
//
// [Serve] returns a connection to a service, [Check] verifies the contract that callers rely on,
// and [NoLeaks] finds goroutines that a test leaks. Generated test packages wrap the first two
// for their services.
package servicetest
