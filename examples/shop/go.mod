module github.com/grpcservice/grpcservice/examples/shop

go 1.26.0

// The example is not released: it is built with the grpcservice of the same checkout. A module of your own needs no such lines.
replace (
	github.com/grpcservice/grpcservice => ../..
	github.com/grpcservice/grpcservice/runtime/jwtauth => ../../runtime/jwtauth
	github.com/grpcservice/grpcservice/runtime/operation => ../../runtime/operation
	github.com/grpcservice/grpcservice/runtime/redislimit => ../../runtime/redislimit
	github.com/grpcservice/grpcservice/runtime/roles => ../../runtime/roles
	github.com/grpcservice/grpcservice/runtime/validate => ../../runtime/validate
)

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1
	cloud.google.com/go/longrunning v1.0.0
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/jwtauth v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0
	github.com/grpcservice/grpcservice/runtime/redislimit v0.0.0
	github.com/grpcservice/grpcservice/runtime/roles v0.0.0
	github.com/grpcservice/grpcservice/runtime/validate v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
	google.golang.org/genproto/googleapis/api v0.0.0-20260819154853-08b0e4226688
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260819154853-08b0e4226688
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	buf.build/go/protovalidate v1.4.0 // indirect
	cel.dev/cel-go v0.32.0 // indirect
	cel.dev/expr v0.25.3 // indirect
	github.com/antlr4-go/antlr/v4 v4.13.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/exp v0.0.0-20260820142414-ca536658362e // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)
