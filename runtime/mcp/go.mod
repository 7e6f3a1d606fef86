module github.com/grpcservice/grpcservice/runtime/mcp

go 1.26.0

// The grpcservice of the same checkout. Go ignores these lines in the builds of whoever depends on this module.
replace github.com/grpcservice/grpcservice => ../..

replace github.com/grpcservice/grpcservice/runtime/operation => ../operation

require (
	cloud.google.com/go/longrunning v1.0.0
	github.com/google/jsonschema-go v0.4.3
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0-00010101000000-000000000000
	github.com/modelcontextprotocol/go-sdk v1.8.0
	google.golang.org/genproto/googleapis/api v0.0.0-20260706201446-f0a921348800
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/segmentio/asm v1.1.3 // indirect
	github.com/segmentio/encoding v0.5.4 // indirect
	github.com/yosida95/uritemplate/v3 v3.0.2 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800 // indirect
)
