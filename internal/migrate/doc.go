// Package migrate moves programs with protoc-gen-go-grpc to this module, as far as that is safe.
//
// [Run] is the command migrate. It rewrites only what keeps every call as it was: the services of a
// *grpc.Server are registered through server.On with server.Compatible, so they run in the pipeline,
// whose parts the user then enables one by one. For everything else it says what to do, with the
// position.
package migrate
