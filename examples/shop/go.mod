module github.com/grpcservice/grpcservice/examples/shop

go 1.26.0

// The example is not released: it is built with the grpcservice of the same checkout. A module of your own needs no such lines.
replace (
	github.com/grpcservice/grpcservice => ../..
	github.com/grpcservice/grpcservice/runtime/jwtauth => ../../runtime/jwtauth
	github.com/grpcservice/grpcservice/runtime/operation => ../../runtime/operation
	github.com/grpcservice/grpcservice/runtime/redislimit => ../../runtime/redislimit
	github.com/grpcservice/grpcservice/runtime/roles => ../../runtime/roles
)

require (
	cloud.google.com/go/longrunning v1.0.0
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/jwtauth v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0
	github.com/grpcservice/grpcservice/runtime/redislimit v0.0.0
	github.com/grpcservice/grpcservice/runtime/roles v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
	google.golang.org/genproto/googleapis/api v0.0.0-20260706201446-f0a921348800
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
