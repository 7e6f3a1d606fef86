package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
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
	for _, stack := range stacks {
		r, err := measureStreamHandler(ctx, stack, o)
		if err != nil {
			return err
		}
		fmt.Println(r.row())
	}
	return nil
}

func measureStreamHandler(ctx context.Context, stack string, o options) (result, error) {
	n := 50 * o.messages // a message takes nanoseconds
	return measure("stream message, handler", stack, o.pairs, n,
		streamBlock(ctx, stack, bare, n), streamBlock(ctx, stack, stack, n))
}

// streamBlock sends n messages in one call of the stream's handler, as callers of another stack do.
func streamBlock(ctx context.Context, caller, stack string, n int) block {
	handle := streamHandler(stack)
	ss := &nullStream{ctx: transportContext(ctx, caller), request: &kindsv1.Request{Count: int32(n)}}
	return func() (peers.Usage, error) {
		before, err := peers.Used()
		if err != nil {
			return peers.Usage{}, err
		}
		if err := handle(ss); err != nil {
			return peers.Usage{}, err
		}
		after, err := peers.Used()
		return after.Since(before), err
	}
}

// streamHandler returns what grpc calls for the server stream.
func streamHandler(stack string) func(grpc.ServerStream) error {
	plain := policyv1.FullService_ServiceDesc.Streams[0].Handler
	switch stack {
	case middleware:
		interceptors := streamMiddleware()
		return func(ss grpc.ServerStream) error {
			handler := plain
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
		return func(ss grpc.ServerStream) error { return plain(stockService{}, ss) }
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
