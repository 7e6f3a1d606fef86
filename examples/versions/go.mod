module github.com/grpcservice/grpcservice/examples/versions

go 1.25.0

// The example is not released: it is built with the grpcservice of the same checkout. A module of your own needs no such line.
replace github.com/grpcservice/grpcservice => ../..

require (
	github.com/grpcservice/grpcservice v0.0.0
	google.golang.org/grpc v1.83.1
	google.golang.org/protobuf v1.36.12
)

require (
	golang.org/x/net v0.55.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
	golang.org/x/text v0.37.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260526163538-3dc84a4a5aaa // indirect
)
