package runtime_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime"
)

// kinds is a service with an RPC of each kind, whose methods nobody calls.
type kinds struct{}

func (kinds) unary(context.Context, *emptypb.Empty) (*emptypb.Empty, error) { return nil, nil }
func (kinds) serverStream(context.Context, *emptypb.Empty) runtime.Stream[emptypb.Empty] {
	return nil
}
func (kinds) clientStream(context.Context, runtime.Stream[emptypb.Empty]) (*emptypb.Empty, error) {
	return nil, nil
}
func (kinds) bidi(context.Context, runtime.Stream[emptypb.Empty]) runtime.Stream[emptypb.Empty] {
	return nil
}

// TestRowsTakeWhatFitsTheirKind checks that the rows of a table can have the policy of their
// service, of which each takes what is for its kind.
func TestRowsTakeWhatFitsTheirKind(t *testing.T) {
	auth := &runtime.Auth{Public: true}
	policy := runtime.Policy{
		Timeout: time.Second, MaxTimeout: time.Minute, IdleTimeout: time.Second, TotalTimeout: time.Hour,
		Auth: auth, Hedging: runtime.Hedging{MaxAttempts: 2},
	}
	unary := runtime.Policy{
		Timeout: time.Second, MaxTimeout: time.Minute, Auth: auth, Hedging: policy.Hedging,
	}
	stream := runtime.Policy{IdleTimeout: time.Second, TotalTimeout: time.Hour, Auth: auth}
	table := runtime.NewService("test.Kinds", emptypb.File_google_protobuf_empty_proto,
		runtime.Unary("Unary", kinds.unary, policy),
		runtime.ServerStream("ServerStream", kinds.serverStream, policy),
		runtime.ClientStream("ClientStream", kinds.clientStream, policy),
		runtime.Bidi("Bidi", kinds.bidi, policy))
	for name, want := range map[string]runtime.Policy{
		"Unary": unary, "ServerStream": stream, "ClientStream": stream, "Bidi": stream,
	} {
		if diff := cmp.Diff(want, table.Method(name).Policy); diff != "" {
			t.Errorf("the policy of %s (-want +got):\n%s", name, diff)
		}
	}
}
