package server

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// foreignDesc returns desc, of a third-party service, with the pipeline around its methods, and the
// errors of the policies in its proto. Each handler is bound to its own method: an interceptor
// would have to find the method by a name that the generated handler chooses.
func (p *pipeline) foreignDesc(desc *grpc.ServiceDesc, impl any) (*grpc.ServiceDesc, []error) {
	var errs []error
	bind := func(m grpc.MethodInfo) *method {
		info, err := foreignMethodInfo(desc.ServiceName, m)
		if err != nil {
			errs = append(errs, err)
		}
		return p.bind(info, impl)
	}
	piped := &grpc.ServiceDesc{ServiceName: desc.ServiceName, HandlerType: desc.HandlerType, Metadata: desc.Metadata}
	for _, d := range desc.Methods {
		m := bind(grpc.MethodInfo{Name: d.MethodName})
		piped.Methods = append(piped.Methods, grpc.MethodDesc{MethodName: d.MethodName, Handler: serveForeign(m, d.Handler)})
	}
	for _, d := range desc.Streams {
		m := bind(grpc.MethodInfo{Name: d.StreamName, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams})
		d.Handler = m.serveStream(d.Handler)
		piped.Streams = append(piped.Streams, d)
	}
	return piped, errs
}

// serveForeign puts the pipeline around the handler of a third-party unary method, which decodes
// the request and passes the method to an interceptor.
func serveForeign(m *method, handler grpc.MethodHandler) grpc.MethodHandler {
	inner := m.aroundForeign()
	run := func(ctx context.Context, c *callContext, srv any, decode func(any) error) (any, error) {
		return handler(srv, ctx, func(req any) error {
			m.expect(ctx, c)
			return m.receive(ctx, c, req, decode(req))
		}, inner)
	}
	return func(srv any, ctx context.Context, decode func(any) error, serverWide grpc.UnaryServerInterceptor) (any, error) {
		if serverWide == nil {
			return m.unaryCall(ctx, false, run, srv, decode)
		}
		within := func(ctx context.Context, req any, decode func(any) error) (any, error) {
			return m.unaryCall(ctx, true, run, srv, func(into any) error {
				if err := decode(into); err != nil {
					return err
				}
				return handOver(into, req)
			})
		}
		return m.serveWithin(serverWide, ctx, emptyRequest(srv, ctx, handler), decode, within)
	}
}

// aroundForeign returns the steps that run around the method as an interceptor; nil if there are
// none. The generated handler creates the method's handler for each call, so each call puts the
// steps around it.
func (m *method) aroundForeign() grpc.UnaryServerInterceptor {
	if len(m.unaryArounds) == 0 && !m.mayAdapt() {
		return nil
	}
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return m.unaryHandler(handler)(ctx, req)
	}
}

// emptyRequest returns an empty request of the type that only handler knows; nil if handler decodes
// nothing. It makes handler fail to decode, so no method is called.
func emptyRequest(srv any, ctx context.Context, handler grpc.MethodHandler) (req any) {
	_, _ = handler(srv, ctx, func(into any) error {
		req = into
		return errOnlyTheType
	}, nil)
	return req
}

var errOnlyTheType = rpcerr.Internal("the handler continues although its request could not be decoded")

// handOver copies the request that the server's interceptors passed on, req, to the method's, into.
func handOver(into, req any) error {
	to, from := reflect.ValueOf(into), reflect.ValueOf(req)
	if !from.IsValid() || from.Type() != to.Type() || to.Kind() != reflect.Pointer || from.IsNil() {
		return rpcerr.Internal(fmt.Sprintf("an interceptor passed on a %T as the request, want a %T", req, into))
	}
	to.Elem().Set(from.Elem())
	return nil
}

func kindOf(clientStream, serverStream bool) runtime.Kind {
	switch {
	case clientStream && serverStream:
		return runtime.KindBidi
	case clientStream:
		return runtime.KindClientStream
	case serverStream:
		return runtime.KindServerStream
	default:
		return runtime.KindUnary
	}
}

// foreignMethodInfo describes a method of a third-party service, with the policy of the options in
// its proto if that is linked into the program.
func foreignMethodInfo(service string, m grpc.MethodInfo) (runtime.MethodInfo, error) {
	info := runtime.NewMethodInfo(service, m.Name, kindOf(m.IsClientStream, m.IsServerStream), builtinPolicy(service))
	if info.Descriptor == nil || info.Policy.Auth != nil {
		return info, nil
	}
	info.Policy.Idempotency = policy.IdempotencyOf(info.Descriptor)
	method := overrides.MethodOf(info)
	method.HasRules = true // fieldCheck finds them
	defaults, own := optionsOf(info.Descriptor)
	key, err := policy.NamedKey(info.Descriptor.Input(), own)
	if err != nil {
		return info, fmt.Errorf("the options of %s/%s: %w", service, m.Name, err)
	}
	method.Patterns.AddIdempotencyKey(key) // no other pattern has an effect without a helper
	var faults []policy.Fault
	info.Policy, faults = policy.Of(method, defaults, own)
	if len(faults) > 0 {
		return info, fmt.Errorf("the options of %s/%s: %w", service, m.Name, faults[0])
	}
	return info, nil
}

// optionsOf returns the options of a method's service and those of the method in its proto.
func optionsOf(method protoreflect.MethodDescriptor) (service, own *grpcservicev1.Policy) {
	service, _ = proto.GetExtension(method.Parent().Options(), grpcservicev1.E_Service).(*grpcservicev1.Policy)
	own, _ = proto.GetExtension(method.Options(), grpcservicev1.E_Method).(*grpcservicev1.Policy)
	return service, own
}

// builtinPolicy returns the policy of the services that this package itself registers: the
// reflection service is public.
func builtinPolicy(service string) runtime.Policy {
	if strings.HasPrefix(service, "grpc.reflection.") {
		return runtime.Policy{Auth: &runtime.Auth{Public: true}}
	}
	return runtime.Policy{}
}
