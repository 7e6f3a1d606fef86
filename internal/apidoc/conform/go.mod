module github.com/grpcservice/grpcservice/internal/apidoc/conform

go 1.26.0

// The module only tests: goldmark and golang.org/x/net/html parse what package pages writes, so that nobody who uses grpcservice depends
// on them.
replace github.com/grpcservice/grpcservice => ../../..

require (
	github.com/google/go-cmp v0.7.0
	github.com/grpcservice/grpcservice v0.0.0-00010101000000-000000000000
	github.com/yuin/goldmark v1.8.7
	golang.org/x/net v0.60.0
)

require (
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
