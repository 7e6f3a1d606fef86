// Package e2e tests generated code over real connections. Its tests serve and call the services of
// internal/e2e/proto, against clients and servers of protoc-gen-go-grpc as well, and in processes
// that receive real signals.
package e2e
