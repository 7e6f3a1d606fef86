package server_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// allStock is a service of protoc-gen-go-grpc with a method of each kind, which calls do after its
// last request.
type allStock struct {
	testgrpc.UnimplementedTestServiceServer
	do func(context.Context) error
}

func (s allStock) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, s.do(ctx)
}

func (s allStock) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, ss testgrpc.TestService_StreamingOutputCallServer) error {
	return s.do(ss.Context())
}

func (s allStock) StreamingInputCall(ss testgrpc.TestService_StreamingInputCallServer) error {
	for {
		if _, err := ss.Recv(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if err := s.do(ss.Context()); err != nil {
		return err
	}
	return ss.SendAndClose(&testgrpc.StreamingInputCallResponse{})
}

func (s allStock) FullDuplexCall(ss testgrpc.TestService_FullDuplexCallServer) error {
	for {
		if _, err := ss.Recv(); err == io.EOF {
			return s.do(ss.Context())
		} else if err != nil {
			return err
		}
	}
}

// stockKinds calls the methods of allStock, and returns how each call ended.
var stockKinds = map[string]func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error{
	"EmptyCall": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return conn.Invoke(ctx, "/grpc.testing.TestService/EmptyCall", &testgrpc.Empty{}, &testgrpc.Empty{}, opts...)
	},
	"StreamingOutputCall": stockStream("StreamingOutputCall", &grpc.StreamDesc{ServerStreams: true}),
	"StreamingInputCall":  stockStream("StreamingInputCall", &grpc.StreamDesc{ClientStreams: true}),
	"FullDuplexCall":      stockStream("FullDuplexCall", &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}),
}

// stockStream opens a stream, sends one message, closes its side and reads to the end.
func stockStream(name string, desc *grpc.StreamDesc) func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error {
	return func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		cs, err := conn.NewStream(ctx, desc, "/grpc.testing.TestService/"+name, opts...)
		if err != nil {
			return err
		}
		_ = cs.SendMsg(&testgrpc.Empty{}) // RecvMsg returns the reason
		_ = cs.CloseSend()
		for {
			if err := cs.RecvMsg(&testgrpc.Empty{}); err != nil || !desc.ServerStreams {
				return echotest.EndOf(err)
			}
		}
	}
}

// hosts are the servers that take a service of other generators through the pipeline.
var hosts = map[string]func(t *testing.T, impl testgrpc.TestServiceServer, interceptors []grpc.ServerOption, opts ...server.Option) *grpc.ClientConn{
	"Server": func(t *testing.T, impl testgrpc.TestServiceServer, interceptors []grpc.ServerOption, opts ...server.Option) *grpc.ClientConn {
		return echotest.StartServer(t, func(srv *server.Server) { testgrpc.RegisterTestServiceServer(srv, impl) },
			append(opts, server.WithGRPCOptions(interceptors...))...).Conn
	},
	"On": func(t *testing.T, impl testgrpc.TestServiceServer, interceptors []grpc.ServerOption, opts ...server.Option) *grpc.ClientConn {
		own := grpc.NewServer(interceptors...)
		quiet := server.WithLogger(slog.New(slog.DiscardHandler))
		testgrpc.RegisterTestServiceServer(server.On(own, append([]server.Option{quiet}, opts...)...), impl)
		return echotest.ServeGRPC(t, own)
	},
}
