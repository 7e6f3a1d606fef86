// Package e2e runs what the plugin generates: its tests serve and call the services of internal/e2e/proto over real
// connections, between our ends and those that protoc-gen-go-grpc generates, and in processes that get real signals.
package e2e
