package server_test

import (
	"cmp"
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// openChat opens a chat with a server whose methods have the policy.
func openChat(t *testing.T, p runtime.Policy, impl echotest.Service) grpc.ClientStream {
	t.Helper()
	srv := echotest.StartServer(t, func(srv *server.Server) { server.Register[echotest.Service](srv, echotest.TableWith(p), impl) })
	chat, err := srv.Conn.NewStream(context.Background(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

// echoing answers each request, and sends what it ended with.
func echoing(ended chan<- error) echotest.Funcs {
	return echotest.Funcs{ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for req, err := range reqs {
				if !yield(req, err) || err != nil {
					ended <- err
					return
				}
			}
		}
	}}
}

// TestAnIdleStreamIsEndedWhileItsMethodWaits checks that a method that waits for a request is
// woken, and a client that says nothing learns why.
func TestAnIdleStreamIsEndedWhileItsMethodWaits(t *testing.T) {
	servicetest.NoLeaks(t)
	synctest.Test(t, func(t *testing.T) { // the time passes only after the method is entered
		ended := make(chan error, 1)
		chat := openChat(t, runtime.Policy{IdleTimeout: 20 * time.Millisecond}, echoing(ended))
		err := chat.RecvMsg(new(text))
		if rpcerr.ReasonOf(err) != rpcerr.ReasonStreamIdle || status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the client got %v", err)
		}
		if err := echotest.Within(t, ended); rpcerr.ReasonOf(err) != rpcerr.ReasonStreamIdle {
			t.Errorf("the method got %v", err)
		}
	})
}

// TestMessagesKeepAStreamFromBeingIdle runs with a fake clock.
func TestMessagesKeepAStreamFromBeingIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		chat := openChat(t, runtime.Policy{IdleTimeout: time.Minute, TotalTimeout: 20 * time.Minute}, echoing(ended))
		begin := time.Now()
		var err error
		for err == nil {
			time.Sleep(50 * time.Second)        // of the clock of the test
			_ = chat.SendMsg(echotest.TenBytes) // RecvMsg knows why it failed
			err = chat.RecvMsg(new(text))
		}
		if rpcerr.ReasonOf(err) != rpcerr.ReasonStreamTimeout {
			t.Errorf("the client got %v", err)
		}
		if took := time.Since(begin); took < 20*time.Minute || took > 21*time.Minute {
			t.Errorf("the stream ended after %v, want 20 minutes", took)
		}
		echotest.Within(t, ended)
	})
}

// TestAMethodThatIgnoresItsTimeIsWaitedFor checks that a method which goes on after its time is
// waited for at the shutdown.
func TestAMethodThatIgnoresItsTimeIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the time passes only after the method is entered
		release, ended := make(chan struct{}), make(chan struct{})
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{TotalTimeout: 10 * time.Millisecond}), echotest.Behaving(func(context.Context) error {
				defer close(ended)
				<-release
				return nil
			}))
		})
		if err := echotest.Kinds["Many"](context.Background(), srv.Conn); rpcerr.ReasonOf(err) != rpcerr.ReasonStreamTimeout {
			t.Errorf("the client got %v", err)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Stop() }()
		close(release)
		if err := echotest.Within(t, stopped); err != nil {
			t.Errorf("Serve returned %v", err)
		}
		select {
		case <-ended:
		default:
			t.Error("Serve returned before the method did")
		}
	})
}

// TestAMethodWhoseSendFailsFindsItsContextEnded checks it for a client that is gone, with contexts
// that end late, and for a stream whose time is up.
func TestAMethodWhoseSendFailsFindsItsContextEnded(t *testing.T) {
	for name, end := range map[string]struct {
		policy runtime.Policy
		leave  bool
	}{
		"the client leaves":                       {leave: true},
		"the client leaves before its time is up": {policy: runtime.Policy{TotalTimeout: time.Hour}, leave: true},
		"the time is up":                          {policy: runtime.Policy{TotalTimeout: 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.TableWith(end.policy), echotest.Funcs{
					ManyFunc: func(ctx context.Context, req *text) runtime.Stream[text] {
						return func(yield func(*text, error) bool) {
							for yield(req, nil) {
							}
							ended <- ctx.Err()
						}
					},
				})
			}, server.WithGRPCOptions(grpc.StatsHandler(lateContexts{})))
			ctx, cancel := context.WithCancel(echotest.Context(t))
			defer cancel()
			many, err := srv.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Echo/Many")
			if err != nil {
				t.Fatal(err)
			}
			if err := cmp.Or(many.SendMsg(echotest.TenBytes), many.CloseSend()); err != nil {
				t.Fatal(err)
			}
			if end.leave {
				if err := many.RecvMsg(new(text)); err != nil {
					t.Fatal(err)
				}
				cancel()
			}
			for many.RecvMsg(new(text)) == nil {
			}
			if err := echotest.Within(t, ended); err != context.Canceled {
				t.Errorf("the method's context has ended with %v", err)
			}
		})
	}
}

// lateContexts gives calls contexts whose derived contexts end later.
type lateContexts struct{ stats.Handler }

func (lateContexts) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return lateContext{ctx}
}
func (lateContexts) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (lateContexts) HandleRPC(context.Context, stats.RPCStats)                         {}
func (lateContexts) HandleConn(context.Context, stats.ConnStats)                       {}

type lateContext struct{ context.Context }

// Value hides the context below from package context, which would end derived ones at once.
func (c lateContext) Value(key any) any {
	if reflect.TypeOf(key) == reflect.TypeFor[*int]() {
		return nil
	}
	return c.Context.Value(key)
}

// AfterFunc is what package context calls instead.
func (c lateContext) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.Context, func() {
		time.Sleep(20 * time.Millisecond)
		f()
	})
}
