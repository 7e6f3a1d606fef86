// Package servicetest tests services over an in-memory connection, through the pipeline that a
// real server has.
//
// [Serve] returns a connection to a service, [Check] verifies the contract that callers rely on,
// and [NoLeaks] finds goroutines that a test leaks. Generated test packages wrap Serve and Check
// for their services, and have a fake of each. [Start] serves where there is no test, as in an
// Example or TestMain. The connection has everything of a network but the network: retries,
// compression, the limits of messages. server.Server.Conn has no connection, and none of these.
package servicetest
