module github.com/grpcservice/grpcservice/runtime/grpcotel/sdktest

go 1.26.0

replace (
	github.com/grpcservice/grpcservice => ../../..
	github.com/grpcservice/grpcservice/runtime/grpcotel => ..
	github.com/grpcservice/grpcservice/runtime/operation => ../../operation
	github.com/grpcservice/grpcservice/runtime/otlp => ../../otlp
)

require (
	cloud.google.com/go/longrunning v1.0.0
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/grpcotel v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0
	github.com/grpcservice/grpcservice/runtime/otlp v0.0.0
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
	go.opentelemetry.io/otel/trace v1.47.0
	go.opentelemetry.io/proto/otlp v1.11.1
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.31.0 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc v1.47.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261012220534-4341edf3f941 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261012220534-4341edf3f941 // indirect
)
