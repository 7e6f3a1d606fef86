module github.com/grpcservice/grpcservice/benchmarks/peers/connect

go 1.26.0

replace github.com/grpcservice/grpcservice/benchmarks/peers => ..

require (
	connectrpc.com/connect/v2 v2.0.2
	github.com/grpcservice/grpcservice/benchmarks/peers v0.0.0
)

require (
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	golang.org/x/time v0.14.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800 // indirect
	google.golang.org/grpc v1.84.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
