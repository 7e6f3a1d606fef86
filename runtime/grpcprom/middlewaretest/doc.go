// Package middlewaretest compares the metrics of runtime/grpcprom with those of go-grpc-middleware.
// It is a separate module because of go-grpc-middleware.
package middlewaretest
