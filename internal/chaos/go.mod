module github.com/grpcservice/grpcservice/internal/chaos

go 1.26.0

replace (
	github.com/grpcservice/grpcservice => ../..
	github.com/grpcservice/grpcservice/runtime/natshub => ../../runtime/natshub
	github.com/grpcservice/grpcservice/runtime/natshub/natstest => ../../runtime/natshub/natstest
	github.com/grpcservice/grpcservice/runtime/operation => ../../runtime/operation
	github.com/grpcservice/grpcservice/runtime/pgstore => ../../runtime/pgstore
)

require (
	cloud.google.com/go/longrunning v1.0.0
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/natshub v0.0.0
	github.com/grpcservice/grpcservice/runtime/natshub/natstest v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0
	github.com/grpcservice/grpcservice/runtime/pgstore v0.0.0
	github.com/jackc/pgx/v5 v5.13.0
	github.com/nats-io/nats.go v1.55.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.9.0-default-no-op // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.3 // indirect
	github.com/nats-io/nats-server/v2 v2.15.3 // indirect
	github.com/nats-io/nkeys v0.4.17 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260706201446-f0a921348800 // indirect
)
