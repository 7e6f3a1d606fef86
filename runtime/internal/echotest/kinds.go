package echotest

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// EndOf returns nil for the regular end of a stream, and other errors unchanged.
func EndOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// TenBytes is a request of ten bytes.
var TenBytes = wrapperspb.String("12345678")

// Kinds calls each kind of RPC of a Service and returns the error that the caller receives.
var Kinds = map[string]func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error{
	"One": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return conn.Invoke(ctx, "/test.v1.Echo/One", TenBytes, new(Text), opts...)
	},
	"Many": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Many", &grpc.StreamDesc{ServerStreams: true}, opts...)
	},
	"Join": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Join", &grpc.StreamDesc{ClientStreams: true}, opts...)
	},
	"Chat": func(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
		return stream(ctx, conn, "Chat", &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, opts...)
	},
}

// stream opens a stream, sends one message, closes its side and reads to the end.
func stream(ctx context.Context, conn *grpc.ClientConn, name string, desc *grpc.StreamDesc, opts ...grpc.CallOption) error {
	cs, err := conn.NewStream(ctx, desc, "/test.v1.Echo/"+name, opts...)
	if err != nil {
		return err
	}
	_ = cs.SendMsg(TenBytes) // RecvMsg returns the reason
	if err := cs.CloseSend(); err != nil {
		return err
	}
	for {
		if err := cs.RecvMsg(new(Text)); err != nil {
			return EndOf(err)
		}
	}
}
