package server

import (
	"context"
	"fmt"
	"reflect"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
)

// describe returns the grpc.ServiceDesc that serves impl, each RPC bound to its pipeline.
func describe[S any](p *pipeline, table *runtime.Service[S], impl S) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: table.Name(), HandlerType: (*S)(nil), Metadata: table.File().Path()}
	infos := table.Methods()
	for i, handler := range table.Handlers(impl) {
		p.describe(desc, infos[i], handler, impl)
	}
	return desc
}

// describe adds an RPC to desc, bound to the pipeline.
func (p *pipeline) describe(desc *grpc.ServiceDesc, info runtime.MethodInfo, handler rpc.Handler, impl any) {
	m := p.bind(info, impl)
	if handler.Unary != nil {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: info.Name, Handler: m.serveUnary(handler)})
		return
	}
	desc.Streams = append(desc.Streams, grpc.StreamDesc{
		StreamName: info.Name, Handler: m.serveStream(handler.Stream),
		ServerStreams: info.Kind != runtime.KindClientStream, ClientStreams: info.Kind != runtime.KindServerStream,
	})
}

// serveUnary puts the pipeline around a unary method.
func (m *method) serveUnary(handler rpc.Handler) grpc.MethodHandler {
	answer := m.unaryHandler(handler.Unary)
	run := func(ctx context.Context, c *callContext, received any, decode func(any) error) (any, error) {
		req := received
		if req == nil {
			req = handler.NewRequest()
		}
		m.expect(ctx, c)
		if err := m.receive(ctx, c, req, decode(req)); err != nil {
			return nil, err
		}
		return answer(ctx, req)
	}
	return func(_ any, ctx context.Context, decode func(any) error, serverWide grpc.UnaryServerInterceptor) (any, error) {
		if serverWide == nil {
			return m.unaryCall(ctx, false, run, nil, decode)
		}
		within := func(ctx context.Context, req any, decode func(any) error) (any, error) {
			return m.unaryCall(ctx, true, run, req, decode)
		}
		return m.serveWithin(serverWide, ctx, handler.NewRequest(), decode, within)
	}
}

// serveStream puts the pipeline around body, whose stream has the call's context.
func (m *method) serveStream(body grpc.StreamHandler) grpc.StreamHandler {
	handler := m.streamHandler(body)
	return func(srv any, ss grpc.ServerStream) error { return m.streamCall(srv, ss, handler) }
}

// checkImplementation returns the mistakes for which grpc would end the process.
func checkImplementation(desc *grpc.ServiceDesc, impl any) error {
	if isNil(impl) {
		return fmt.Errorf("%s: the implementation is nil; pass a value", desc.ServiceName)
	}
	want := reflect.TypeOf(desc.HandlerType).Elem()
	if got := reflect.TypeOf(impl); !got.Implements(want) {
		return fmt.Errorf("%s: %v does not implement %v", desc.ServiceName, got, want)
	}
	return nil
}
