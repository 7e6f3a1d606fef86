package msgsize

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestExceeded(t *testing.T) {
	const reason rpcerr.Reason = "PAGE_TOO_LARGE"
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"none":           {nil, false},
		"the reason":     {reason.Errorf(codes.ResourceExhausted, "too large"), true},
		"another reason": {rpcerr.ReasonRateLimited.Errorf(codes.ResourceExhausted, "larger than max"), false},
		"another code":   {reason.Errorf(codes.InvalidArgument, "larger than max"), false},
		"a quota":        {status.Error(codes.ResourceExhausted, "quota exceeded"), false},
	} {
		if got := Exceeded(test.err, reason); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// The errors are those of the linked grpc version, whichever side has the limit.
func TestExceededKnowsTheErrorsOfGRPC(t *testing.T) {
	large := wrapperspb.String(strings.Repeat("x", 2000))
	for name, test := range map[string]struct {
		server []grpc.ServerOption
		client grpc.CallOption
	}{
		"the client sends":     {nil, grpc.MaxCallSendMsgSize(1000)},
		"the client receives":  {nil, grpc.MaxCallRecvMsgSize(1000)},
		"the server sends":     {[]grpc.ServerOption{grpc.MaxSendMsgSize(1000)}, grpc.EmptyCallOption{}},
		"the server receives":  {[]grpc.ServerOption{grpc.MaxRecvMsgSize(1000)}, grpc.EmptyCallOption{}},
		"neither has a limit":  {nil, grpc.EmptyCallOption{}},
		"the limits are above": {[]grpc.ServerOption{grpc.MaxSendMsgSize(9000)}, grpc.MaxCallRecvMsgSize(9000)},
	} {
		t.Run(name, func(t *testing.T) {
			srv := grpc.NewServer(test.server...)
			srv.RegisterService(&grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
				MethodName: "Echo", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
					in := new(wrapperspb.StringValue)
					return in, decode(in)
				},
			}}}, nil)
			lis := bufconn.Listen(1 << 16)
			go srv.Serve(lis)
			defer srv.Stop()
			conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			err = conn.Invoke(t.Context(), "/test.Echo/Echo", large, new(wrapperspb.StringValue), test.client)
			if limited := !strings.Contains(name, "limits") && !strings.Contains(name, "neither"); Exceeded(err) != limited || (err != nil) != limited {
				t.Errorf("got %v, and that it is too large: %v", err, Exceeded(err))
			}
		})
	}
}
