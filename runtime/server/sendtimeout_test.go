package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// flooding returns an implementation whose streams send for as long as they can, and a channel that
// gets an element when one ends.
func flooding() (echotest.Funcs, chan struct{}) {
	ended := make(chan struct{}, 10)
	flood := func(yield func(*text, error) bool) {
		defer func() { ended <- struct{}{} }()
		for yield(wrapperspb.String(strings.Repeat("x", 10_000)), nil) {
		}
	}
	return echotest.Funcs{
		ManyFunc: func(context.Context, *text) runtime.Stream[text] { return flood },
		ChatFunc: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return flood },
	}, ended
}

// openUnread opens a stream over raw HTTP/2 and reads nothing.
func openUnread(t *testing.T, addr, method string) *http2.Framer {
	t.Helper()
	framer := rawConn(t, addr)
	sendRaw(t, framer, "/test.v1.Echo/"+method, []byte{0, 0, 0, 0, 0})
	return framer
}

// openInMemory serves srv until the test ends, and opens a stream as openUnread does. It is for
// bubbles, in which a client that reads slowly does not become slower under load.
func openInMemory(t *testing.T, srv *server.Server, method string) *http2.Framer {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn, err := lis.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		_ = srv.Shutdown(context.Background())
		echotest.Within(t, served)
	})
	framer := rawFramer(t, conn)
	sendRaw(t, framer, "/test.v1.Echo/"+method, []byte{0, 0, 0, 0, 0})
	return framer
}

// readReset reads until the stream is reset, and returns the code of that.
func readReset(t *testing.T, framer *http2.Framer) http2.ErrCode {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := frame.(*http2.RSTStreamFrame); ok {
			return f.ErrCode
		}
		if f, ok := frame.(*http2.MetaHeadersFrame); ok && f.StreamEnded() {
			t.Fatalf("the stream ended with %v", f.Fields)
		}
	}
}

// answerPings reads until the connection ends, as a client does that only receives no messages.
func answerPings(framer *http2.Framer) {
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if ping, ok := frame.(*http2.PingFrame); ok && !ping.IsAck() {
			_ = framer.WritePing(true, ping.Data)
		}
	}
}

// sendPolicies are policies of methods whose calls run in a separate goroutine, or not.
var sendPolicies = map[string]runtime.Policy{
	"in the call's goroutine": {},
	"apart":                   {IdleTimeout: time.Hour},
}

// TestBlockedSendsEnd checks that a client that reads nothing is disconnected, what its method and
// the log see, and that a shutdown does not wait for it.
func TestBlockedSendsEnd(t *testing.T) {
	for name, policy := range sendPolicies {
		for _, method := range []string{"Many", "Chat"} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				impl, ended := flooding()
				log := new(echotest.Records)
				srv := server.New(server.WithLogger(log.Logger(slog.LevelInfo)), server.WithDrainDelay(0),
					server.WithSendTimeout(100*time.Millisecond), server.WithShutdownTimeout(time.Minute))
				server.Register[echotest.Service](srv, echotest.TableWith(policy), impl)
				framer := openUnread(t, echotest.ListenAndServe(t, srv), method)
				echotest.Within(t, ended)
				if code := readReset(t, framer); code != http2.ErrCodeEnhanceYourCalm {
					t.Errorf("the stream was reset with %v", code)
				}
				start := time.Now()
				go answerPings(framer)
				if err := srv.Shutdown(context.Background()); err != nil || time.Since(start) > 15*time.Second {
					t.Errorf("the shutdown took %v: %v", time.Since(start), err)
				}
				records := log.Named(t, "rpc")
				if len(records) != 1 || records[0]["code"] != codes.ResourceExhausted.String() ||
					!strings.Contains(fmt.Sprint(records[0]["error"]), "the client did not read") {
					t.Errorf("records %v", records)
				}
			})
		}
	}
}

// TestStreamsWhoseTimeIsUpWhileTheyAreBlocked checks that a shutdown does not wait for a stream
// that its idle or total timeout has ended, although its client reads nothing and the status waits
// behind the data.
func TestStreamsWhoseTimeIsUpWhileTheyAreBlocked(t *testing.T) {
	for name, policy := range map[string]runtime.Policy{
		"idle": {IdleTimeout: time.Second}, "total": {TotalTimeout: time.Second},
	} {
		for _, method := range []string{"Many", "Chat"} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				impl, ended := flooding()
				srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
					server.WithShutdownTimeout(time.Minute))
				server.Register[echotest.Service](srv, echotest.TableWith(policy), impl)
				framer := openUnread(t, echotest.ListenAndServe(t, srv), method)
				echotest.Within(t, ended)
				start := time.Now()
				go answerPings(framer)
				if err := srv.Shutdown(context.Background()); err != nil || time.Since(start) > 15*time.Second {
					t.Errorf("the shutdown took %v: %v", time.Since(start), err)
				}
			})
		}
	}
}

// TestClientsThatDoNotReceive holds what a client of grpc gets that calls Recv too late.
func TestClientsThatDoNotReceive(t *testing.T) {
	impl, ended := flooding()
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithSendTimeout(100*time.Millisecond))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	testgrpc.RegisterTestServiceServer(srv, floodingStock{ended: ended})
	conn := echotest.DialAll(t, []string{echotest.ListenAndServe(t, srv)})
	cs, err := conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	echotest.Within(t, ended)
	if err := recvAll(cs); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the client got %v", err)
	}
	foreign, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(echotest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	echotest.Within(t, ended) // without reading
	for err == nil {
		_, err = foreign.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the client of a third-party service got %v", err)
	}
	if err := echotest.Kinds["One"](echotest.Context(t), conn); status.Code(err) != codes.Unimplemented {
		t.Errorf("the connection is of no more use: %v", err)
	}
}

// TestBlockedSendsEndOverTLS resets a stream whose frames are encrypted.
func TestBlockedSendsEndOverTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS() // for its certificate
	defer certified.Close()
	impl, ended := flooding()
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithSendTimeout(100*time.Millisecond), server.WithTLS(&tls.Config{Certificates: certified.TLS.Certificates}))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	trusted := x509.NewCertPool()
	trusted.AddCert(certified.Certificate())
	creds := credentials.NewTLS(&tls.Config{RootCAs: trusted, ServerName: "example.com"})
	conn, err := grpc.NewClient(echotest.ListenAndServe(t, srv), grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 { // the connection stays of use
		cs, err := conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/Chat")
		if err != nil {
			t.Fatal(err)
		}
		echotest.Within(t, ended)
		if err := recvAll(cs); status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != "" {
			t.Errorf("the client got %v", err)
		}
	}
}

// floodingStock is a third-party service that sends for as long as it can.
type floodingStock struct {
	testgrpc.UnimplementedTestServiceServer
	ended chan<- struct{} // gets an element when a call ends
}

func (f floodingStock) FullDuplexCall(ss testgrpc.TestService_FullDuplexCallServer) error {
	defer func() { f.ended <- struct{}{} }()
	for {
		if err := ss.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 10_000)}}); err != nil {
			return err
		}
	}
}

// recvAll receives until the stream ends.
func recvAll(cs grpc.ClientStream) error {
	for {
		if err := cs.RecvMsg(new(text)); err != nil {
			return echotest.EndOf(err)
		}
	}
}

// TestBlockedSendsEndOnOtherServers does the same with a server of grpc's own. Without GRPCOptions
// its client gets the status after what it has not read.
func TestBlockedSendsEndOnOtherServers(t *testing.T) {
	opts := []server.Option{server.WithLogger(slog.New(slog.DiscardHandler)), server.WithSendTimeout(100 * time.Millisecond)}
	for name, grpcOpts := range map[string][]grpc.ServerOption{"without GRPCOptions": nil, "with GRPCOptions": server.GRPCOptions(opts...)} {
		impl, ended := flooding()
		own := grpc.NewServer(grpcOpts...)
		server.Register[echotest.Service](server.On(own, opts...), echotest.Table, impl)
		conn := echotest.ServeGRPC(t, own)
		cs, err := conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/Chat")
		if err != nil {
			t.Fatal(err)
		}
		echotest.Within(t, ended)
		err = recvAll(cs)
		if status.Code(err) != codes.ResourceExhausted || len(grpcOpts) == 0 && rpcerr.ReasonOf(err) != rpcerr.ReasonSlowConsumer {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSilentStreamsAreNotSlow checks that a stream goes on that sends seldom, or whose client reads
// late but in time, and that 0 sets no limit.
func TestSilentStreamsAreNotSlow(t *testing.T) {
	for name, test := range map[string]struct {
		timeout, pause time.Duration // between messages
		read           time.Duration // until the client reads
		size           int
	}{
		"seldom":      {50 * time.Millisecond, 300 * time.Millisecond, 0, 10},
		"late":        {20 * time.Second, 0, 300 * time.Millisecond, 100_000},
		"not limited": {0, 0, 500 * time.Millisecond, 100_000},
	} {
		timeout := server.WithSendTimeout(test.timeout)
		if test.timeout == 0 {
			timeout = server.Compatible() // has no limit either
		}
		impl := echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				for range 3 {
					select {
					case <-time.After(test.pause):
					case <-ctx.Done():
					}
					if !yield(wrapperspb.String(strings.Repeat("x", test.size)), nil) {
						return
					}
				}
			}
		}}
		synctest.Test(t, func(t *testing.T) { // a send that does not wait takes no time
			conn, desc := echotest.Start(t, impl, timeout).Conn, &grpc.StreamDesc{ServerStreams: true}
			cs, err := conn.NewStream(echotest.Context(t), desc, "/test.v1.Echo/Many")
			if err != nil {
				t.Fatal(err)
			}
			_ = cs.SendMsg(echotest.TenBytes) // RecvMsg returns the reason
			_ = cs.CloseSend()
			time.Sleep(test.read)
			if err := recvAll(cs); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestSendTimeoutsAreChecked(t *testing.T) {
	err := server.New(server.WithSendTimeout(-1)).Run(context.Background(), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "WithSendTimeout(") {
		t.Errorf("Run: %v", err)
	}
}

// TestDrainedStreamsThatAreBlocked holds what a client gets whose stream is blocked in sending when
// the server has no more time for it: a status on which it resumes, whether it reads in time or
// not.
func TestDrainedStreamsThatAreBlocked(t *testing.T) {
	for name, policy := range sendPolicies {
		for _, method := range []string{"Many", "Chat"} {
			for when, inTime := range map[string]bool{"in time": true, "too late": false} {
				t.Run(method+" "+name+", read "+when, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { // the client has a second to read
						testDrainedStream(t, policy, method, inTime)
					})
				})
			}
		}
	}
}

func testDrainedStream(t *testing.T, policy runtime.Policy, method string, inTime bool) {
	impl, ended := flooding()
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(policy), impl)
	}, server.WithShutdownTimeout(200*time.Millisecond))
	cs, err := srv.Conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/"+method)
	if err != nil {
		t.Fatal(err)
	}
	_ = cs.SendMsg(echotest.TenBytes) // RecvMsg returns the reason
	_ = cs.CloseSend()
	if _, err := cs.Header(); err != nil { // the method sends
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until it is blocked
	start, stopped := time.Now(), make(chan struct{})
	go func() {
		defer close(stopped)
		_ = srv.Shutdown(context.Background())
	}()
	if inTime {
		echotest.Within(t, ended)
	} else {
		echotest.Within(t, stopped)
	}
	err = recvAll(cs)
	if status.Code(err) != codes.Unavailable || inTime && rpcerr.ReasonOf(err) != rpcerr.ReasonDraining {
		t.Errorf("the client got %v", err)
	}
	echotest.Within(t, stopped)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
}

// TestUnreadResponsesAreDropped checks that a finished call does not stay whose client reads
// nothing, for each kind, and that one stays that is read slowly.
func TestUnreadResponsesAreDropped(t *testing.T) {
	impl := answering(leaveIt, strings.Repeat("x", 200_000))
	newServer := func() *server.Server {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
			server.WithSendTimeout(200*time.Millisecond), server.WithShutdownTimeout(time.Minute))
		server.Register[echotest.Service](srv, echotest.Table, impl)
		return srv
	}
	for _, method := range []string{"One", "Many", "Join", "Chat"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			framer := openUnread(t, echotest.ListenAndServe(t, srv), method)
			if code := readReset(t, framer); code != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("the stream was reset with %v", code)
			}
			begun := time.Now()
			go answerPings(framer)
			if err := srv.Shutdown(context.Background()); err != nil || time.Since(begun) > 15*time.Second {
				t.Errorf("the shutdown took %v: %v", time.Since(begun), err)
			}
		})
	}
	t.Run("read slowly", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			framer := openInMemory(t, newServer(), "One")
			if code := readSlowly(t, framer, 60*time.Millisecond); code != codes.OK {
				t.Errorf("the call ended with %v", code)
			}
		})
	})
}

// TestShutdownDropsUnreadResponses checks that a shutdown does not wait for a response of which the
// client reads nothing, for each kind, and waits for one that is read slowly.
func TestShutdownDropsUnreadResponses(t *testing.T) {
	open := func(t *testing.T, srv *server.Server, method string) *http2.Framer {
		return openUnread(t, echotest.ListenAndServe(t, srv), method)
	}
	start := func(
		t *testing.T, method string, open func(*testing.T, *server.Server, string) *http2.Framer,
		opts ...server.Option,
	) (*http2.Framer, chan time.Duration) {
		ended := make(outcomes, 1)
		srv := server.New(append([]server.Option{server.WithLogger(slog.New(slog.DiscardHandler)),
			server.WithDrainDelay(0), server.WithShutdownTimeout(time.Minute),
			server.WithObservers(ended)}, opts...)...)
		server.Register[echotest.Service](srv, echotest.Table, answering(leaveIt, strings.Repeat("x", 200_000)))
		framer := open(t, srv, method)
		echotest.Within(t, ended)
		time.Sleep(300 * time.Millisecond) // until grpc waits for the client
		stopped := make(chan time.Duration, 1)
		go func() {
			begun := time.Now()
			_ = srv.Shutdown(context.Background())
			stopped <- time.Since(begun)
		}()
		return framer, stopped
	}
	for _, method := range []string{"One", "Many", "Join", "Chat"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			framer, stopped := start(t, method, open)
			go answerPings(framer)
			if took := echotest.Within(t, stopped); took > 15*time.Second {
				t.Errorf("the shutdown took %v", took)
			}
		})
	}
	t.Run("read slowly", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			framer, stopped := start(t, "One", openInMemory)
			if code := readSlowly(t, framer, 300*time.Millisecond); code != codes.OK {
				t.Errorf("the call ended with %v", code)
			}
			go answerPings(framer)
			if took := echotest.Within(t, stopped); took < 2*time.Second {
				t.Errorf("the shutdown took %v, less than the client", took)
			}
		})
	})
	t.Run("without a send timeout", func(t *testing.T) {
		t.Parallel()
		framer, stopped := start(t, "One", open, server.WithSendTimeout(0),
			server.WithShutdownTimeout(10*time.Second))
		go answerPings(framer)
		if took := echotest.Within(t, stopped); took < 9*time.Second {
			t.Errorf("the shutdown took %v, want its ten seconds", took)
		}
	})
}

// readSlowly reads to the end, some 13 frames, with a pause after each.
func readSlowly(t *testing.T, framer *http2.Framer, pause time.Duration) codes.Code {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			time.Sleep(pause)
			for _, stream := range []uint32{0, 1} {
				if err := framer.WriteWindowUpdate(stream, uint32(len(f.Data()))); len(f.Data()) > 0 && err != nil {
					t.Fatal(err)
				}
			}
		case *http2.MetaHeadersFrame:
			if code, ok := statusIn(t, f); ok {
				return code
			}
		case *http2.RSTStreamFrame:
			t.Fatalf("the stream was reset with %v", f.ErrCode)
		}
	}
}
