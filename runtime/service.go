package runtime

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
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
	name   string
	kind   Kind
	policy Policy
	// Exactly one of the two binds the RPC of an implementation to its pipeline.
	unary  func(*method, S) grpc.MethodHandler
	stream func(*method, S) grpc.StreamHandler
}

// NewService returns the table of the service called name, which is declared in file.
func NewService[S any](name string, file protoreflect.FileDescriptor, rows ...Row[S]) *Service[S] {
	return &Service[S]{name: name, file: file, rows: rows}
}

// Unary returns the row of a unary RPC; call is the interface's method expression.
func Unary[S, Req, Resp any](name string, call func(S, context.Context, *Req) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name: name, kind: KindUnary, policy: policy,
		unary: func(m *method, impl S) grpc.MethodHandler { return serveUnary(m, impl, call) }}
}

// ServerStream returns the row of an RPC that answers with a stream.
func ServerStream[S, Req, Resp any](name string, call func(S, context.Context, *Req) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name: name, kind: KindServerStream, policy: policy,
		stream: func(m *method, impl S) grpc.StreamHandler { return serveServerStream(m, impl, call) }}
}

// ClientStream returns the row of an RPC that takes a stream of requests.
func ClientStream[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) (*Resp, error), policy Policy) Row[S] {
	return Row[S]{name: name, kind: KindClientStream, policy: policy,
		stream: func(m *method, impl S) grpc.StreamHandler { return serveClientStream(m, impl, call) }}
}

// Bidi returns the row of an RPC that takes a stream of requests and answers with another.
func Bidi[S, Req, Resp any](name string, call func(S, context.Context, Stream[Req]) Stream[Resp], policy Policy) Row[S] {
	return Row[S]{name: name, kind: KindBidi, policy: policy,
		stream: func(m *method, impl S) grpc.StreamHandler { return serveBidi(m, impl, call) }}
}

// Register serves impl on r with the runtime's pipeline. Where r is not of this package, that is the pipeline of [On]
// without options.
//
// A nil impl and a name that is taken are errors that [Server.Run] and [Server.Serve] return; on any other registrar a nil
// impl panics, as there is nobody to return the error.
func (s *Service[S]) Register(r grpc.ServiceRegistrar, impl S) {
	host, ok := r.(registry)
	if !ok {
		host = On(r)
	}
	if isNil(impl) {
		host.refuse(fmt.Errorf("%s: the implementation is nil; pass one that is made", s.name))
		return
	}
	host.add(s.desc(host.calls(), impl), impl)
}

// desc builds the grpc.ServiceDesc that serves impl, each RPC bound to its pipeline.
func (s *Service[S]) desc(p *pipeline, impl S) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: s.name, HandlerType: (*S)(nil), Metadata: s.file.Path()}
	for _, row := range s.rows {
		m := p.bind(newMethodInfo(s.name, row.name, row.kind, row.policy), impl)
		if row.unary != nil {
			desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: row.name, Handler: row.unary(m, impl)})
			continue
		}
		desc.Streams = append(desc.Streams, grpc.StreamDesc{
			StreamName: row.name, Handler: row.stream(m, impl),
			ServerStreams: row.kind != KindClientStream, ClientStreams: row.kind != KindServerStream,
		})
	}
	return desc
}

// Info returns what the table says of the RPC in the given row; helpers of patterns are made from it.
func (s *Service[S]) Info(row int) MethodInfo {
	r := s.rows[row]
	return newMethodInfo(s.name, r.name, r.kind, r.policy)
}

// Client returns the rows of the table, bound to conn.
func (s *Service[S]) Client(conn grpc.ClientConnInterface) Client {
	rows := make(Client, len(s.rows))
	for i, row := range s.rows {
		rows[i] = newClientMethod(conn, newMethodInfo(s.name, row.name, row.kind, row.policy))
	}
	return rows
}
