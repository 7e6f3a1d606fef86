package gogrpc

import (
	"cmp"
	"context"
	"io"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// ServeServerStream sends the responses of a method of a generated service to a server stream of
// grpc.
func ServeServerStream[Req, Resp any](
	req *Req, ss grpc.ServerStreamingServer[Resp], method func(context.Context, *Req) runtime.Stream[Resp],
) error {
	return sendAll(ss.Send, method(ss.Context(), req))
}

// ServeClientStream passes the requests of a server stream of grpc to a method of a generated
// service, and sends its response.
func ServeClientStream[Req, Resp any](
	ss grpc.ClientStreamingServer[Req, Resp], method func(context.Context, runtime.Stream[Req]) (*Resp, error),
) error {
	resp, err := method(ss.Context(), received(ss.Recv))
	if err != nil {
		return err
	}
	return ss.SendAndClose(resp)
}

// ServeBidi passes the requests of a server stream of grpc to a method of a generated service, and
// sends its responses.
func ServeBidi[Req, Resp any](
	ss grpc.BidiStreamingServer[Req, Resp], method func(context.Context, runtime.Stream[Req]) runtime.Stream[Resp],
) error {
	return sendAll(ss.Send, method(ss.Context(), received(ss.Recv)))
}

// received returns the messages of a Recv method as a stream. It can be ranged over once.
func received[T any](recv func() (*T, error)) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		for {
			msg, err := recv()
			if err == io.EOF || !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

// sendAll passes the messages of a stream to a Send method. It returns the error of the stream or
// of send.
func sendAll[T any](send func(*T) error, msgs runtime.Stream[T]) (err error) {
	ignored := each.Range(msgs, func() { slog.Warn(each.LateYield) }, func(msg *T, failure error) bool {
		if err = failure; err == nil {
			err = send(msg)
		}
		return err == nil
	})
	return cmp.Or(err, ignored)
}

// copyMessage merges a message into one that is empty.
func copyMessage(into, from any) error {
	to, ok := into.(proto.Message)
	msg, isMessage := from.(proto.Message)
	if !ok || !isMessage || to.ProtoReflect().Descriptor() != msg.ProtoReflect().Descriptor() {
		return wrongType(into, from)
	}
	proto.Merge(to, msg)
	return nil
}

func wrongType(got, want any) error {
	return status.Errorf(codes.Internal, "a message of type %T was passed, want %T", got, want)
}
