module github.com/grpcservice/grpcservice/benchmarks

go 1.26.0

// The benchmarks are not released: they measure the grpcservice of the same checkout.
replace (
	github.com/grpcservice/grpcservice => ..
	github.com/grpcservice/grpcservice/benchmarks/peers => ./peers
	github.com/grpcservice/grpcservice/runtime/grpcotel => ../runtime/grpcotel
	github.com/grpcservice/grpcservice/runtime/grpcprom => ../runtime/grpcprom
	github.com/grpcservice/grpcservice/runtime/jwtauth => ../runtime/jwtauth
	github.com/grpcservice/grpcservice/runtime/operation => ../runtime/operation
	github.com/grpcservice/grpcservice/runtime/pgstore => ../runtime/pgstore
	github.com/grpcservice/grpcservice/runtime/web => ../runtime/web
)

require (
	connectrpc.com/connect/v2 v2.0.2
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus v1.1.1
	github.com/grpc-ecosystem/go-grpc-middleware/v2 v2.3.4
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/benchmarks/peers v0.0.0
	github.com/grpcservice/grpcservice/runtime/grpcotel v0.0.0
	github.com/grpcservice/grpcservice/runtime/grpcprom v0.0.0
	github.com/grpcservice/grpcservice/runtime/jwtauth v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/pgstore v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/web v0.0.0
	github.com/jackc/pgx/v5 v5.13.0
	github.com/prometheus/client_golang v1.25.0
	go.einride.tech/aip v0.86.3
	go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc v0.72.0
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/metric v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
	golang.org/x/time v0.15.0
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	cloud.google.com/go/longrunning v1.0.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260706201446-f0a921348800 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
)
