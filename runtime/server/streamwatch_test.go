package server_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
	ended := make(chan error, 1)
	chat := openChat(t, runtime.Policy{IdleTimeout: 20 * time.Millisecond}, echoing(ended))
	err := chat.RecvMsg(new(text))
	if rpcerr.ReasonOf(err) != rpcerr.ReasonStreamIdle || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the client got %v", err)
	}
	if err := echotest.Within(t, ended); rpcerr.ReasonOf(err) != rpcerr.ReasonStreamIdle {
		t.Errorf("the method got %v", err)
	}
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
