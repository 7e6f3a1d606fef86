module github.com/grpcservice/grpcservice/runtime/pgstore

go 1.26.0

// The grpcservice of the same checkout. Go ignores these lines in the builds of whoever depends on this module.
replace (
	github.com/grpcservice/grpcservice => ../..
	github.com/grpcservice/grpcservice/runtime/operation => ../operation
)

require (
	cloud.google.com/go/longrunning v1.0.0
	github.com/grpcservice/grpcservice v0.0.0
	github.com/grpcservice/grpcservice/runtime/operation v0.0.0-00010101000000-000000000000
	github.com/jackc/pgx/v5 v5.13.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260706201446-f0a921348800
	google.golang.org/grpc v1.84.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260706201446-f0a921348800 // indirect
)
