package operation_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// panicIn is the work that panics in the first attempts.
func panicIn(ctx context.Context, run *operation.Run[wrapperspb.Int64Value, wrapperspb.Int64Value]) (*wrapperspb.StringValue, error) {
	panic(fmt.Sprint("attempt ", run.Attempt()))
}

func TestThePanicHandlerGetsPanicsOfOperations(t *testing.T) {
	type panicked struct {
		value any
		stack string
	}
	told := make(chan panicked, 10)
	handler := server.WithPanicHandler(func(_ context.Context, value any, stack []byte) {
		told <- panicked{value, string(stack)}
		panic("of the handler") // which changes nothing
	})
	ops := operation.NewManager(operation.Memory(), operation.WithLogger(slog.New(slog.DiscardHandler)),
		operation.WithBackoff(time.Millisecond, time.Millisecond))
	counterCount.Handle(ops, panicIn)
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		server.Register[counter](r, counterTable, counter(&counterServer{ops}))
		operation.Register(r, ops)
	}, handler, server.WithoutAuthentication())
	op, err := counterCount.Call(t.Context(), counterClient{echotest.RowsOf(counterTable, conn)},
		operation.NewClient(conn), wrapperspb.Int64(1))
	if err != nil {
		t.Fatal(err)
	}
	for attempt := range 3 {
		got := echotest.Within(t, told)
		if want := fmt.Sprint("attempt ", attempt+1); got.value != want || !strings.Contains(got.stack, "panicIn(") {
			t.Errorf("the handler got %v with the stack\n%s\nwant %s in panicIn", got.value, got.stack, want)
		}
	}
	if _, err := op.Wait(t.Context()); status.Code(err) != codes.Internal {
		t.Errorf("the operation ended with %v, want INTERNAL", err)
	}
}

// panicky is a store whose Expire panics.
type panicky struct{ operation.Store }

func (panicky) Expire(context.Context, int) (int, error) { panic("of the store") }

func TestThePanicHandlerGetsPanicsOfTheStore(t *testing.T) {
	told := make(chan any, 10)
	ops := operation.NewManager(panicky{operation.Memory()}, operation.WithLogger(slog.New(slog.DiscardHandler)))
	servicetest.Serve(t, func(r grpc.ServiceRegistrar) { operation.Register(r, ops) }, server.WithoutAuthentication(),
		server.WithPanicHandler(func(_ context.Context, value any, _ []byte) { told <- value }))
	if got := echotest.Within(t, told); got != "of the store" {
		t.Errorf("the handler got %v", got)
	}
}
