package server_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

const onePath = "/" + echotest.Name + "/One"

// near returns a client of impl that has no network, and the server.
func near(t *testing.T, impl echotest.Service, opts ...server.Option) (echotest.Service, *echotest.Running) {
	t.Helper()
	servicetest.NoLeaks(t)
	srv := echotest.Start(t, impl, opts...)
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Server.Conn())}, srv
}

// secretKey is the key of a value in the context of a caller.
type secretKey struct{}

// TestConnPassesNothingOfTheContext calls from within a call, whose context has a principal,
// incoming metadata, a peer and values. Only the outgoing metadata and the deadline arrive.
func TestConnPassesNothingOfTheContext(t *testing.T) {
	deadline := time.Now().Add(5 * time.Second).Round(0) // before that of the outer call
	var inner echotest.Service
	outer := echotest.Funcs{
		OneFunc: func(ctx context.Context, req *text) (*text, error) {
			if req.GetValue() == "outer" {
				ctx = context.WithValue(ctx, secretKey{}, "secret")
				ctx = metadata.AppendToOutgoingContext(ctx, "X-Tenant", "acme", "token-bin", "\x00\xff")
				ctx, cancel := context.WithDeadlineCause(ctx, deadline, io.ErrShortBuffer)
				defer cancel()
				return inner.One(ctx, wrapperspb.String("inner"))
			}
			if ctx.Value(secretKey{}) != nil {
				t.Error("a value of the caller's context arrives")
			}
			if call, ok := runtime.CallFromContext(ctx); !ok || call.Principal().ID != "none" {
				t.Error("the principal is not that of the inner call")
			}
			md, _ := metadata.FromIncomingContext(ctx)
			want := metadata.MD{
				":authority": {"inprocess"}, "content-type": {"application/grpc"}, "x-tenant": {"acme"}, "token-bin": {"\x00\xff"},
			}
			delete(md, "x-request-id") // of the client
			for name, values := range want {
				if !slices.Equal(md[name], values) {
					t.Errorf("metadata %s is %q, want %q", name, md[name], values)
				}
			}
			if len(md) != len(want) {
				t.Errorf("metadata %v, want %v", md, want)
			}
			if p, _ := peer.FromContext(ctx); p.Addr.String() != "inprocess" {
				t.Errorf("the peer is %v", p)
			}
			if got, _ := ctx.Deadline(); !got.Equal(deadline) {
				t.Errorf("the deadline is %v, want %v", got, deadline)
			}
			return wrapperspb.String("done"), nil
		},
	}
	byHeader := server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if names := md["authorization"]; len(names) > 0 {
			return runtime.NewPrincipal(names[0]), nil
		}
		return runtime.NewPrincipal("none"), nil
	})
	inner, srv := near(t, outer, server.WithAuthenticator(byHeader), server.WithoutAuthentication())
	client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn)}
	ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "authorization", "ada")
	if got, err := client.One(ctx, wrapperspb.String("outer")); err != nil || got.GetValue() != "done" {
		t.Fatal(got, err)
	}
}

// TestConnMessagesAreSeparate changes messages on both sides after they were passed on.
func TestConnMessagesAreSeparate(t *testing.T) {
	kept := make(chan *text, 1)
	cached := wrapperspb.String("cached")
	client, _ := near(t, echotest.Funcs{
		OneFunc: func(_ context.Context, req *text) (*text, error) {
			kept <- req
			return cached, nil
		},
	})
	req := wrapperspb.String("a")
	resp, err := client.One(echotest.Context(t), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Value, resp.Value = "b", "c"
	if got := <-kept; got.GetValue() != "a" || cached.GetValue() != "cached" {
		t.Errorf("the method has %q and %q", got.GetValue(), cached.GetValue())
	}
	if _, err := client.One(echotest.Context(t), wrapperspb.String("\xff")); status.Code(err) != codes.Internal {
		t.Errorf("invalid UTF-8: %v, want INTERNAL as on a network", err)
	}
}

// TestConnOptions makes a call with each option that has an effect.
func TestConnOptions(t *testing.T) {
	_, srv := near(t, echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		for _, err := range []error{
			grpc.SetHeader(ctx, metadata.Pairs("a", "1")), grpc.SendHeader(ctx, metadata.Pairs("a", "2")),
			grpc.SetTrailer(ctx, metadata.Pairs("b", "3")),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		if grpc.SetHeader(ctx, metadata.Pairs("late", "4")) == nil {
			t.Error("a header is set after it was sent")
		}
		if grpc.SetTrailer(ctx, metadata.Pairs("b", "\n")) == nil {
			t.Error("a trailer that cannot be sent is set")
		}
		return wrapperspb.String(strings.Join(md["authorization"], ",")), nil
	}})
	var header, trailer metadata.MD
	var p peer.Peer
	var finished []error
	resp := new(text)
	err := srv.Server.Conn().Invoke(echotest.Context(t), onePath, wrapperspb.String(""), resp,
		grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p), grpc.PerRPCCredentials(token{}),
		grpc.OnFinish(func(err error) { finished = append(finished, err) }), grpc.UseCompressor("none"), grpc.MaxCallRecvMsgSize(1))
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetValue() != "Bearer https://inprocess/"+echotest.Name {
		t.Errorf("the credentials are %q", resp.GetValue())
	}
	if !slices.Equal(header["a"], []string{"1", "2"}) || !slices.Equal(trailer["b"], []string{"3"}) {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
	if p.Addr.Network() != "inprocess" || credentials.CheckSecurityLevel(p.AuthInfo, credentials.PrivacyAndIntegrity) != nil {
		t.Errorf("peer %v", p)
	}
	if !slices.Equal(finished, []error{nil}) {
		t.Errorf("finished %v", finished)
	}
	err = srv.Server.Conn().Invoke(metadata.AppendToOutgoingContext(t.Context(), "bad key", ""), onePath, wrapperspb.String(""), resp)
	if status.Code(err) != codes.Internal {
		t.Errorf("a key that cannot be sent: %v, want INTERNAL", err)
	}
}

// token is credentials that show for what they were asked.
type token struct{}

func (token) GetRequestMetadata(_ context.Context, uri ...string) (map[string]string, error) {
	return map[string]string{"Authorization": "Bearer " + uri[0]}, nil
}

func (token) RequireTransportSecurity() bool { return true }

// TestConnPeers has calls count for the peer that a bridge states.
func TestConnPeers(t *testing.T) {
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.7:4711"))
	log := new(echotest.Records)
	_, srv := near(t, echotest.Behaving(func(ctx context.Context) error {
		if p, _ := peer.FromContext(ctx); p.Addr != net.Addr(addr) {
			t.Errorf("the peer is %v", p)
		}
		return nil
	}), server.WithLogger(log.Logger(0)))
	conn := srv.Server.Conn(server.WithPeer(func(context.Context) *peer.Peer { return &peer.Peer{Addr: addr} }))
	if err := conn.Invoke(t.Context(), onePath, wrapperspb.String(""), new(text)); err != nil {
		t.Fatal(err)
	}
	if got := log.Named(t, "rpc"); len(got) != 1 || got[0]["peer"] != "192.0.2.7:4711" {
		t.Errorf("the log has %v", got)
	}
}

// TestConnHoldsAWindow sends before the other side reads, as on a network: small messages do not
// wait, and a stream holds a bounded number of bytes.
func TestConnHoldsAWindow(t *testing.T) {
	sent := make(chan int, 1000)
	client, _ := near(t, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for i := range 1000 {
				if !yield(wrapperspb.String(strings.Repeat("x", 1<<10)), nil) {
					return
				}
				sent <- i
			}
		}
	}})
	got := 0
	for _, err := range client.Many(echotest.Context(t), wrapperspb.String("")) {
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 {
			for range 60 { // nobody reads
				echotest.Within(t, sent)
			}
		}
		if got++; len(sent) > 70 {
			t.Fatalf("%d messages of 1 KiB wait, want at most 64 KiB", len(sent))
		}
		for len(sent) > 0 {
			<-sent
		}
	}
	if got != 1000 {
		t.Errorf("%d messages, want 1000", got)
	}
}

// TestConnUnknownMethods calls what the server does not have.
func TestConnUnknownMethods(t *testing.T) {
	log := new(echotest.Records)
	_, srv := near(t, echotest.Funcs{}, server.WithLogger(log.Logger(0)))
	for _, path := range []string{"/" + echotest.Name + "/None", "/none", "", "none"} {
		err := srv.Server.Conn().Invoke(t.Context(), path, wrapperspb.String(""), new(text))
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%q: %v, want UNIMPLEMENTED", path, err)
		}
	}
	if got := log.Named(t, "rpc"); len(got) != 4 {
		t.Errorf("the log has %v", got)
	}
}

// TestConnWithTheWrongKind calls an RPC with another kind than it has, as a generic client may.
func TestConnWithTheWrongKind(t *testing.T) {
	_, srv := near(t, echotest.Funcs{
		OneFunc:  func(_ context.Context, req *text) (*text, error) { return req, nil },
		ManyFunc: func(context.Context, *text) runtime.Stream[text] { return echotest.Texts("a", "b") },
	})
	conn := srv.Server.Conn()
	ctx := echotest.Context(t)
	if err := conn.Invoke(ctx, "/"+echotest.Name+"/Many", wrapperspb.String(""), new(text)); status.Code(err) != codes.Internal {
		t.Errorf("Invoke of a stream with two responses: %v, want INTERNAL", err)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, onePath)
	if err != nil {
		t.Fatal(err)
	}
	got := new(text)
	if err := stream.SendMsg(wrapperspb.String("a")); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(got); err != nil || got.GetValue() != "a" {
		t.Errorf("%v, %v", got, err)
	}
	if err := stream.RecvMsg(got); err != io.EOF {
		t.Errorf("after the response: %v, want EOF", err)
	}
}

// TestConnSendsToACallThatHasEnded sends the only request of a call that was rejected before, as a
// stock client may: grpc leaves the status to RecvMsg.
func TestConnSendsToACallThatHasEnded(t *testing.T) {
	deny := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
		return nil, status.Error(codes.Unauthenticated, "no")
	})
	_, srv := near(t, echotest.Funcs{}, server.WithAuthenticator(deny))
	stream, err := srv.Server.Conn().NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true}, "/"+echotest.Name+"/Many")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil { // waits for the end
		t.Fatal(err)
	}
	if err := stream.SendMsg(wrapperspb.String("a")); err != nil {
		t.Errorf("SendMsg: %v, want nil", err)
	}
	if err := stream.RecvMsg(new(text)); status.Code(err) == codes.OK || err == io.EOF {
		t.Errorf("RecvMsg: %v, want the status", err)
	}
}

// TestConnDuringShutdown has a method that is running call another one while the server drains, and
// calls after the end.
func TestConnDuringShutdown(t *testing.T) {
	draining := make(chan struct{})
	var client echotest.Service
	impl := echotest.Funcs{
		OneFunc: func(ctx context.Context, req *text) (*text, error) {
			if req.GetValue() != "outer" {
				return req, nil
			}
			close(draining)
			if err := echotest.Await(ctx, runtime.Draining(ctx)); err != nil {
				return nil, err
			}
			return client.One(ctx, wrapperspb.String("inner"))
		},
	}
	client, srv := near(t, impl)
	type answer struct {
		resp *text
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		resp, err := client.One(echotest.Context(t), wrapperspb.String("outer"))
		answered <- answer{resp, err}
	}()
	echotest.Within(t, draining)
	if err := srv.Stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if got := echotest.Within(t, answered); got.err != nil || got.resp.GetValue() != "inner" {
		t.Errorf("the call during the shutdown: %v", got)
	}
	if _, err := client.One(t.Context(), wrapperspb.String("late")); status.Code(err) != codes.Unavailable {
		t.Errorf("a call after the shutdown: %v, want UNAVAILABLE", err)
	}
}

// TestConnIsCutOff has a shutdown cancel calls, one of which is blocked in sending.
func TestConnIsCutOff(t *testing.T) {
	client, srv := near(t, echotest.Funcs{
		OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		ManyFunc: func(context.Context, *text) runtime.Stream[text] { return echotest.Endless },
	}, server.WithShutdownTimeout(10*time.Millisecond))
	ended := make(chan error, 2)
	go func() {
		_, err := client.One(echotest.Context(t), wrapperspb.String(""))
		ended <- err
	}()
	reading := make(chan struct{})
	go func() {
		var last error
		first := true
		for _, err := range client.Many(echotest.Context(t), wrapperspb.String("")) {
			last = err
			if first {
				first = false
				close(reading)
				_ = srv.Stop()
			}
		}
		ended <- last
	}()
	echotest.Within(t, reading)
	for range 2 {
		if err := echotest.Within(t, ended); status.Code(err) != codes.Unavailable {
			t.Errorf("%v, want UNAVAILABLE", err)
		}
	}
}

// TestConnBeforeServe calls a server that does not serve yet, and a service that is registered
// afterwards.
func TestConnBeforeServe(t *testing.T) {
	srv := server.New()
	conn := srv.Conn()
	if err := conn.Invoke(t.Context(), onePath, wrapperspb.String("a"), new(text)); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v, want UNIMPLEMENTED", err)
	}
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	if err := conn.Invoke(t.Context(), onePath, wrapperspb.String("a"), new(text)); err != nil {
		t.Error(err)
	}
}
