package runtime_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestDetachOutlivesTheCall(t *testing.T) {
	type key struct{}
	detached := make(chan context.Context, 1)
	srv := echotest.Start(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
		detached <- runtime.Detach(runtime.Detach(context.WithValue(ctx, key{}, "value")))
		return wrapperspb.String(""), nil
	}}, server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
		return runtime.NewPrincipal("ada"), nil
	})), server.WithoutAuthentication())
	call := metadata.AppendToOutgoingContext(echotest.Context(t), "x-request-id", "id-of-the-call")
	if err := echotest.Kinds["One"](call, srv.Conn); err != nil {
		t.Fatal(err)
	}
	ctx := echotest.Within(t, detached)
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, limited := ctx.Deadline(); limited || ctx.Err() != nil {
		t.Errorf("deadline: %v, error: %v, want neither", limited, ctx.Err())
	}
	if _, ok := runtime.CallFromContext(ctx); ok {
		t.Error("it belongs to the call that is over")
	}
	if runtime.Draining(ctx) != nil {
		t.Error("it drains with the server of the call")
	}
	origin := runtime.OriginOf(ctx)
	if ctx.Value(key{}) != "value" || origin.RequestID != "id-of-the-call" || origin.Principal == nil || origin.Principal.ID != "ada" {
		t.Errorf("value: %v, origin: %+v", ctx.Value(key{}), origin)
	}
}

// sentID is a connection that says with which request ID it was called.
type sentID struct{ grpc.ClientConnInterface }

func (sentID) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	return errors.New(md.Get("x-request-id")[0])
}

func TestDetachedCallsCarryTheRequestID(t *testing.T) {
	ctx := runtime.WithOrigin(context.Background(), runtime.Origin{RequestID: "id of the cause"})
	_, err := client.Unary[text, text](ctx, client.Bind(sentID{}, echotest.Table.Methods()[0]), wrapperspb.String(""))
	if err == nil || err.Error() != "id of the cause" {
		t.Errorf("the call carries %v", err)
	}
}

func TestOriginOfNothingIsEmpty(t *testing.T) {
	if origin := runtime.OriginOf(context.Background()); origin != (runtime.Origin{}) {
		t.Errorf("got %+v", origin)
	}
}
