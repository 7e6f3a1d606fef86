module github.com/grpcservice/grpcservice/runtime/web

go 1.26.0

// The grpcservice of the same checkout. Go ignores this line in the builds of whoever depends on this module.
replace github.com/grpcservice/grpcservice => ../..

require (
	connectrpc.com/connect/v2 v2.0.2
	github.com/grpcservice/grpcservice v0.0.0
	golang.org/x/net v0.60.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)
