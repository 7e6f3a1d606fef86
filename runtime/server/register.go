package server

import (
	"fmt"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
)

// Register serves impl on r, by its table. Generated Register functions call it. Where r is neither a
// [Server] nor a [Registrar], the calls go through the pipeline of [On] without options.
//
// A nil impl and a name that is taken are errors that [Server.Run] and [Server.Serve] return. On any
// other registrar a nil impl panics, as there is nobody to return the error.
func Register[S any](r grpc.ServiceRegistrar, table *runtime.Service[S], impl S) {
	host, ok := r.(registry)
	if !ok {
		host = On(r)
	}
	if isNil(impl) {
		host.refuse(fmt.Errorf("%s: the implementation is nil; pass one that is made", table.Name()))
		return
	}
	host.add(describe(host.calls(), table, impl), impl)
}

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
