module github.com/grpcservice/grpcservice/benchmarks

go 1.25.7

// The benchmarks are not released: they measure the grpcservice of the same checkout.
replace (
	github.com/grpcservice/grpcservice => ..
	github.com/grpcservice/grpcservice/runtime/jwtauth => ../runtime/jwtauth
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/grpc-ecosystem/go-grpc-middleware/v2 v2.3.4
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/jwtauth v0.0.0
	go.einride.tech/aip v0.86.3
	golang.org/x/time v0.14.0
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800 // indirect
)
