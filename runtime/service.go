package runtime

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Service is the table of facts that is generated for one service of Go type S: its name, its file and a row per RPC. Both
// ends are made from it.
type Service[S any] struct {
	name string
	file protoreflect.FileDescriptor
	rows []Row[S]
}

// Row is one RPC of a service of Go type S.
type Row[S any] struct {
	name    string
	kind    Kind
	policy  Policy
	handler func(impl S) rpc.Handler
}

// NewService returns the table of the service called name, which is declared in file.
func NewService[S any](name string, file protoreflect.FileDescriptor, rows ...Row[S]) *Service[S] {
	return &Service[S]{name: name, file: file, rows: rows}
}

// Unary returns the row of a unary RPC; call is the interface's method expression.
func Unary[S, Req, Resp any](name string, call func(S, context.Context, *Req) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name, KindUnary, policy, func(impl S) rpc.Handler { return unaryHandler(impl, call) }}
}

// ServerStream returns the row of an RPC that answers with a stream.
func ServerStream[S, Req, Resp any](name string, call func(S, context.Context, *Req) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name, KindServerStream, policy, func(impl S) rpc.Handler { return serverStreamHandler(impl, call) }}
}

// ClientStream returns the row of an RPC that takes a stream of requests.
func ClientStream[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name, KindClientStream, policy, func(impl S) rpc.Handler { return clientStreamHandler(impl, call) }}
}

// Bidi returns the row of an RPC that takes a stream of requests and answers with another.
func Bidi[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name, KindBidi, policy, func(impl S) rpc.Handler { return bidiHandler(impl, call) }}
}

// Name returns the full name of the service: "library.v1.BookService".
func (s *Service[S]) Name() string { return s.name }

// File returns the file that declares the service.
func (s *Service[S]) File() protoreflect.FileDescriptor { return s.file }

// Methods returns what the table says of its RPCs, in the order of the rows.
func (s *Service[S]) Methods() []MethodInfo {
	infos := make([]MethodInfo, len(s.rows))
	for i, r := range s.rows {
		infos[i] = NewMethodInfo(s.name, r.name, r.kind, r.policy)
	}
	return infos
}

// Method returns what the table says of the RPC called name: clients and the helpers of patterns are
// made from it, as the program starts. It panics if there is no such RPC.
func (s *Service[S]) Method(name string) MethodInfo {
	for _, r := range s.rows {
		if r.name == name {
			return NewMethodInfo(s.name, r.name, r.kind, r.policy)
		}
	}
	panic(s.name + " has no RPC " + name)
}

// Handlers returns the methods of impl in the order of the rows, for package server.
func (s *Service[S]) Handlers(impl S) []rpc.Handler {
	handlers := make([]rpc.Handler, len(s.rows))
	for i, row := range s.rows {
		handlers[i] = row.handler(impl)
	}
	return handlers
}
