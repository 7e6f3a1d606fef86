package servicetest

import (
	"context"
	goruntime "runtime"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// TestFailNowFailsTheCallAtOnce ends the goroutine of methods of each kind, and of an interceptor,
// as t.FailNow does. A call that waits for its deadline would return a different code; a stream has
// no deadline.
func TestFailNowFailsTheCallAtOnce(t *testing.T) {
	leave := func(context.Context) error {
		goruntime.Goexit()
		return nil
	}
	left := func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		goruntime.Goexit()
		return nil, nil
	}
	for name, serve := range map[string]func(t testing.TB) *grpc.ClientConn{
		"methods": func(t testing.TB) *grpc.ClientConn { return Serve(t, register(everyKind(leave))) },
		"interceptors": func(t testing.TB) *grpc.ClientConn {
			return Serve(t, register(everyKind(leave)), server.WithUnaryInterceptors(left))
		},
	} {
		fake := new(fakeT)
		fake.run(func() {
			rows := rowsOf(serve(fake))
			calls := map[string]func(ctx context.Context) error{
				"unary": func(ctx context.Context) error {
					_, err := client.Unary[text](ctx, rows[0], new(text))
					return err
				},
				"server stream": func(ctx context.Context) error {
					_, err := stream.Collect(client.ServerStream[text](ctx, rows[1], new(text)))
					return err
				},
				"client stream": func(ctx context.Context) error {
					_, err := client.ClientStream[text](ctx, rows[2], stream.Of(new(text)))
					return err
				},
				"bidi": func(ctx context.Context) error {
					_, err := stream.Collect(client.Bidi[text](ctx, rows[3], stream.Of(new(text))))
					return err
				},
			}
			for kind, call := range calls {
				err := call(context.Background())
				if status.Code(err) != codes.Internal || rpcerr.ReasonOf(err) != rpcerr.ReasonInternal {
					t.Errorf("%s, %s: %v", name, kind, err)
				}
			}
		})
		if len(fake.failures) > 0 {
			t.Errorf("%s: failures: %q", name, fake.failures)
		}
		wantText(t, strings.Join(fake.logs, "\n"), "the method ended its goroutine, as a test's FailNow does; return an error instead")
	}
}

// TestCheckFindsMethodsThatLeave checks that Check reports this, and not that the method hangs.
func TestCheckFindsMethodsThatLeave(t *testing.T) {
	fake := new(fakeT)
	tr := trial{"empty request", each(emptyRequest)}
	found := tr.findings(fake, kindsDescriptor.Methods().ByName("One"), register(everyKind(func(context.Context) error {
		goruntime.Goexit()
		return nil
	})), nil)
	if len(found) != 1 || !strings.Contains(found[0], "the caller got INTERNAL: ") || !strings.Contains(found[0], "ended its goroutine") {
		t.Errorf("findings: %q", found)
	}
}

// rowsOf returns the rows of kindsTable, bound to conn.
func rowsOf(conn grpc.ClientConnInterface) (rows []*client.Method) {
	for _, info := range kindsTable.Methods() {
		rows = append(rows, client.Bind(conn, info))
	}
	return rows
}
