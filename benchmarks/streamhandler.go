package main

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// measureStreamHandlers compares the handlers of a server stream, without a network: what a stack
// adds to each message.
func measureStreamHandlers(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	n := 50 * o.messages // a message takes nanoseconds
	for _, stack := range stacks {
		err := compare("stream message, handler", stack, o.pairs, n, streamBlock(ctx, bare, n), streamBlock(ctx, stack, n))
		if err != nil {
			return err
		}
	}
	return nil
}

// streamBlock sends n messages in one call of the stream's handler.
func streamBlock(ctx context.Context, stack string, n int) block {
	handle := streamHandler(stack)
	ss := &nullStream{ctx: transportContext(ctx, stack), request: &kindsv1.Request{Count: int32(n)}}
	return func() (usage, error) {
		before, err := used()
		if err != nil {
			return usage{}, err
		}
		if err := handle(ss); err != nil {
			return usage{}, err
		}
		after, err := used()
		return after.since(before), err
	}
}

// streamHandler returns what grpc calls for the server stream.
func streamHandler(stack string) func(grpc.ServerStream) error {
	stock := policyv1.FullService_ServiceDesc.Streams[0].Handler
	switch stack {
	case middleware:
		interceptors := streamMiddleware()
		return func(ss grpc.ServerStream) error {
			handler := stock
			for i := len(interceptors) - 1; i >= 0; i-- {
				inner, around := handler, interceptors[i]
				handler = func(srv any, ss grpc.ServerStream) error { return around(srv, ss, &streamInfo, inner) }
			}
			return handler(stockService{}, ss)
		}
	case ours, oursNoLog, oursNoID:
		var r registeredStream
		policyv1service.RegisterFullService(server.On(&r, pipelineOptions(stack)...), service{})
		return func(ss grpc.ServerStream) error { return r.handler(service{}, ss) }
	default:
		return func(ss grpc.ServerStream) error { return stock(stockService{}, ss) }
	}
}

var streamInfo = grpc.StreamServerInfo{FullMethod: "/policy.v1.FullService/ServerStream", IsServerStream: true}

// registeredStream keeps the handler of the first stream that is registered.
type registeredStream struct{ handler grpc.StreamHandler }

// RegisterService implements grpc.ServiceRegistrar.
func (r *registeredStream) RegisterService(desc *grpc.ServiceDesc, _ any) {
	r.handler = desc.Streams[0].Handler
}

// nullStream is a stream without a transport.
type nullStream struct {
	grpc.ServerStream
	ctx     context.Context
	request *kindsv1.Request
}

// Context implements grpc.ServerStream.
func (s *nullStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *nullStream) RecvMsg(m any) error {
	proto.Merge(m.(proto.Message), s.request)
	return nil
}

// SendMsg implements grpc.ServerStream.
func (*nullStream) SendMsg(any) error { return nil }
