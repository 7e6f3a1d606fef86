module github.com/grpcservice/grpcservice/examples/shop

go 1.26.0

// The example is not released: it is built with the grpcservice of the same checkout. A module of your own needs no such lines.
replace (
	github.com/grpcservice/grpcservice => ../..
	github.com/grpcservice/grpcservice/runtime/grpcotel => ../../runtime/grpcotel
	github.com/grpcservice/grpcservice/runtime/grpcprom => ../../runtime/grpcprom
	github.com/grpcservice/grpcservice/runtime/jwtauth => ../../runtime/jwtauth
	github.com/grpcservice/grpcservice/runtime/natshub => ../../runtime/natshub
	github.com/grpcservice/grpcservice/runtime/operation => ../../runtime/operation
	github.com/grpcservice/grpcservice/runtime/otlp => ../../runtime/otlp
	github.com/grpcservice/grpcservice/runtime/pgstore => ../../runtime/pgstore
	github.com/grpcservice/grpcservice/runtime/redislimit => ../../runtime/redislimit
	github.com/grpcservice/grpcservice/runtime/roles => ../../runtime/roles
	github.com/grpcservice/grpcservice/runtime/validate => ../../runtime/validate
	github.com/grpcservice/grpcservice/runtime/web => ../../runtime/web
)

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1
	cloud.google.com/go/longrunning v1.0.0
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/google/go-cmp v0.7.0
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/grpcotel v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/grpcprom v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/jwtauth v0.0.0
	github.com/grpcservice/grpcservice/runtime/natshub v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0
	github.com/grpcservice/grpcservice/runtime/otlp v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/pgstore v0.0.0-00010101000000-000000000000
	github.com/grpcservice/grpcservice/runtime/redislimit v0.0.0
	github.com/grpcservice/grpcservice/runtime/roles v0.0.0
	github.com/grpcservice/grpcservice/runtime/validate v0.0.0
	github.com/grpcservice/grpcservice/runtime/web v0.0.0-00010101000000-000000000000
	github.com/jackc/pgx/v5 v5.13.0
	github.com/nats-io/nats.go v1.55.0
	github.com/redis/go-redis/v9 v9.23.0
	go.opentelemetry.io/otel/trace v1.47.0
	go.opentelemetry.io/proto/otlp v1.11.1
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	buf.build/go/protovalidate v1.4.0 // indirect
	cel.dev/cel-go v0.32.0 // indirect
	cel.dev/expr v0.25.3 // indirect
	connectrpc.com/connect/v2 v2.0.2 // indirect
	github.com/antlr4-go/antlr/v4 v4.13.1 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.31.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.20.1 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc v1.47.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.opentelemetry.io/otel/sdk v1.47.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/exp v0.0.0-20260908205506-85c1c2202aba // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)
