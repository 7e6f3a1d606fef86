package servicetest

import (
	"context"
	goruntime "runtime"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// TestFailNowFailsTheCallAtOnce ends the goroutine of methods of each kind, and of an interceptor, as
// t.FailNow does. A call that waits for its deadline ends with another code; a stream has none.
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
			return Serve(t, register(everyKind(leave)), runtime.WithUnaryInterceptors(left))
		},
	} {
		fake := new(fakeT)
		fake.run(func() {
			rows := runtime.RowsOf(kindsTable, serve(fake))
			calls := map[string]func(ctx context.Context) error{
				"unary": func(ctx context.Context) error {
					_, err := runtime.CallUnary[text](ctx, rows[0], new(text))
					return err
				},
				"server stream": func(ctx context.Context) error {
					_, err := stream.Collect(runtime.CallServerStream[text](ctx, rows[1], new(text)))
					return err
				},
				"client stream": func(ctx context.Context) error {
					_, err := runtime.CallClientStream[text](ctx, rows[2], stream.Of(new(text)))
					return err
				},
				"bidi": func(ctx context.Context) error {
					_, err := stream.Collect(runtime.CallBidi[text](ctx, rows[3], stream.Of(new(text))))
					return err
				},
			}
			for kind, call := range calls {
				err := call(context.Background())
				if status.Code(err) != codes.Internal || runtime.ReasonOf(err) != runtime.ReasonInternal {
					t.Errorf("%s, %s: %v", name, kind, err)
				}
			}
		})
		if len(fake.failures) > 0 {
			t.Errorf("%s: failures: %q", name, fake.failures)
		}
		wantText(t, strings.Join(fake.logs, "\n"), "the method ended its goroutine, as FailNow of a test does; return an error")
	}
}

// TestCheckFindsMethodsThatLeave holds that the contract test says so too, rather than that they hang.
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
