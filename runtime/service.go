package runtime

import (
	"context"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Service is the generated table of a service with the Go interface S: its name, its file and a row
// for each RPC. Servers and clients are made from it.
type Service[S any] struct {
	name      string
	file      protoreflect.FileDescriptor
	rows      []Row[S]
	balancing policy.Balancing
	comments  map[string]string
}

// Row is an RPC of a service with the Go interface S. It takes from a policy what its kind has, so
// that unary RPCs and streams of a service can share one.
type Row[S any] struct {
	name    string
	kind    Kind
	policy  Policy
	handler func(impl S) rpc.Handler
}

// NewService returns the table of the service with the full name, declared in file.
func NewService[S any](name string, file protoreflect.FileDescriptor, rows ...Row[S]) *Service[S] {
	return &Service[S]{name: name, file: file, rows: rows}
}

// WithBalancing returns the table with how clients distribute the calls over the servers.
func (s *Service[S]) WithBalancing(b policy.Balancing) *Service[S] {
	with := *s
	with.balancing = b
	return &with
}

// Unary returns the row of a unary RPC; call is the interface's method expression.
func Unary[S, Req, Resp any](name string, call func(S, context.Context, *Req) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name, KindUnary, policy.For(false, false), func(impl S) rpc.Handler { return unaryHandler(impl, call) }}
}

// ServerStream returns the row of an RPC with a stream of responses.
func ServerStream[S, Req, Resp any](name string, call func(S, context.Context, *Req) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name, KindServerStream, policy.For(false, true), func(impl S) rpc.Handler { return serverStreamHandler(impl, call) }}
}

// ClientStream returns the row of an RPC with a stream of requests.
func ClientStream[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name, KindClientStream, policy.For(true, false), func(impl S) rpc.Handler { return clientStreamHandler(impl, call) }}
}

// Bidi returns the row of an RPC with a stream of requests and a stream of responses.
func Bidi[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name, KindBidi, policy.For(true, true), func(impl S) rpc.Handler { return bidiHandler(impl, call) }}
}

// WithComments returns the table with the comments of declarations in its protos: the full name of
// each, followed by its comment. They are those of RPCs that are tools of agents, and of the
// messages that these need.
func (s *Service[S]) WithComments(namesAndTexts ...string) *Service[S] {
	with := *s
	with.comments = make(map[string]string, len(namesAndTexts)/2)
	for pair := range slices.Chunk(namesAndTexts, 2) {
		with.comments[pair[0]] = pair[len(pair)-1]
	}
	return &with
}

// Name returns the full name of the service: "library.v1.BookService".
func (s *Service[S]) Name() string { return s.name }

// File returns the file that declares the service.
func (s *Service[S]) File() protoreflect.FileDescriptor { return s.file }

// Balancing returns how clients distribute the calls over the servers; zero by default.
func (s *Service[S]) Balancing() policy.Balancing { return s.balancing }

// Methods describes the RPCs in the order of the rows.
func (s *Service[S]) Methods() []MethodInfo {
	infos := make([]MethodInfo, len(s.rows))
	for i, r := range s.rows {
		infos[i] = NewMethodInfo(s.name, r.name, r.kind, r.policy)
		infos[i].Comments = s.comments
	}
	return infos
}

// Method describes the RPC with the name. Clients and pattern helpers are made from it when the
// program starts. It panics if there is no such RPC.
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
