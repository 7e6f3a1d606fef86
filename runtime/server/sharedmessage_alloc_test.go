//go:build !race

// The race detector adds allocations.

package server_test

import (
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestSharedMessagesAllocateNothing compares a stream of shared messages with a loop of grpc alone
// that sends messages encoded before.
func TestSharedMessagesAllocateNothing(t *testing.T) {
	const few, many = 100, 2100
	var messages []*text
	for range many {
		messages = append(messages, wrapperspb.String("the same to all"))
	}
	perMessage := func(conn func(n int) *grpc.ClientConn) float64 {
		allocs := func(n int) float64 {
			c := conn(n)
			open := func() {
				if err := receiveThese(t, c, messages[:n]); err != nil {
					t.Error(err)
				}
			}
			open() // encodes the messages
			least := testing.AllocsPerRun(3, open)
			for range 3 {
				least = min(least, testing.AllocsPerRun(3, open))
			}
			return least
		}
		return (allocs(many) - allocs(few)) / (many - few)
	}
	ours := perMessage(func(n int) *grpc.ClientConn {
		return echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.Table, sharing(true, messages[:n]...))
		}).Conn
	})
	bare := perMessage(func(n int) *grpc.ClientConn {
		prepared, encode := make([]grpc.PreparedMsg, n), sync.Once{}
		return echotest.ServeGRPC(t, grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
			encode.Do(func() {
				for i := range prepared {
					_ = prepared[i].Encode(ss, messages[i]) // the stream fails without
				}
			})
			for i := range prepared {
				if err := ss.SendMsg(&prepared[i]); err != nil {
					return err
				}
			}
			return nil
		})))
	})
	if ours > bare+0.05 {
		t.Errorf("a shared message costs %.2f allocations, a prepared one of grpc alone %.2f", ours, bare)
	}
}
