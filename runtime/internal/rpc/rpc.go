// Package rpc is the interface between generated tables and servers.
package rpc

import (
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// Handler is a method of an implementation without its types. Either Unary or Stream is set.
type Handler struct {
	// NewRequest returns an empty request of a unary method.
	NewRequest func() any
	// Unary calls a unary method.
	Unary grpc.UnaryHandler
	// Stream calls a streaming method. The implementation that grpc passes to it is ignored.
	Stream grpc.StreamHandler
}

// TurnStream is a stream that shares the state of its sending with the loop over its responses.
type TurnStream interface {
	// Turns returns whose turn it is to send.
	Turns() *each.Turns
	// SendInTurn is SendMsg for the goroutine that has the turn. It passes panics on.
	SendInTurn(resp any) error
}
