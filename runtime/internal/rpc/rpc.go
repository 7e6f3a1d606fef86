// Package rpc is the interface between generated tables and servers.
package rpc

import "google.golang.org/grpc"

// Handler is a method of an implementation without its types. Either Unary or Stream is set.
type Handler struct {
	// NewRequest returns an empty request of a unary method.
	NewRequest func() any
	// Unary calls a unary method.
	Unary grpc.UnaryHandler
	// Stream calls a streaming method. The implementation that grpc passes to it is ignored.
	Stream grpc.StreamHandler
}
