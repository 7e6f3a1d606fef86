// Package natstest runs NATS servers with JetStream inside the process, for tests and demos.
//
//	func TestReplicas(t *testing.T) {
//		server := natstest.Start(t)
//		nc := server.Connect(t)
//		…
//		server.Restart() // on the same port, with the same streams
//	}
//
// [Run] needs no test. [StartCluster] starts several servers that replicate streams. The options
// are [WithPort] and [WithServerOptions].
//
// It is a module of its own, so that only programs that embed a server link one. The tests of
// natshub are here too.
package natstest
