package bounds

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const method = "/test.Large/Get"

// served is a server with Bounds, whose method responds as the test specifies.
type served struct {
	*Bounds
	dial func() *grpc.ClientConn
}

// serve serves until the test ends.
func serve(t *testing.T, limits Limits, network string, creds, clientCreds credentials.TransportCredentials, answer func(context.Context) (string, error)) *served {
	t.Helper()
	b := New(limits, time.Minute, func(net.Addr, Verdict) {}, func(*Arrival) {})
	srv := grpc.NewServer(grpc.Creds(b.Credentials(creds)), grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
		p, _ := peer.FromContext(ctx)
		var client net.Addr
		if stated := info.Header["client"]; len(stated) > 0 {
			client = &net.IPAddr{IP: net.ParseIP(stated[0])}
		}
		conn := b.Conn(p.Addr)
		if conn == nil {
			return ctx, nil
		}
		a := &Arrival{Context: ctx, Method: info.FullMethodName, Header: info.Header, Client: client}
		conn.Tap(a, false)
		return a, nil
	}))
	srv.RegisterService(&grpc.ServiceDesc{ServiceName: "test.Large", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Get", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(new(wrapperspb.StringValue)); err != nil {
				return nil, err
			}
			if ArrivalIn(ctx).verdict != Accepted {
				return nil, status.Error(codes.Unavailable, "too many")
			}
			text, err := answer(ctx)
			return wrapperspb.String(text), err
		},
	}}}, 0)
	lis, dialer := listen(t, network)
	go srv.Serve(b.Listener(lis))
	t.Cleanup(srv.Stop)
	return &served{Bounds: b, dial: func() *grpc.ClientConn {
		conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(clientCreds), grpc.WithContextDialer(dialer),
			grpc.WithStaticConnWindowSize(64<<10), grpc.WithStaticStreamWindowSize(64<<10))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}}
}

// listen returns a listener and a function that dials it.
func listen(t *testing.T, network string) (net.Listener, func(context.Context, string) (net.Conn, error)) {
	t.Helper()
	if network == "memory" {
		lis := bufconn.Listen(64 << 10)
		return lis, func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }
	}
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = t.TempDir() + "/s"
	}
	lis, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return lis, func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, lis.Addr().String())
	}
}

// certificate returns credentials for both ends.
func certificate(t *testing.T) (server, client credentials.TransportCredentials) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(cryptorand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}}),
		credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}) // #nosec G402 -- a certificate of the test
}

// eventually waits until the use is as wanted. The transport reports the end of a stream after
// writing it, which may be after the client has read it.
func (s *served) eventually(t *testing.T, want Use) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.Use() != want; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("in use: %+v, want %+v", s.Use(), want)
		}
	}
}

// begin starts a call and sends its request, without reading.
func begin(t *testing.T, ctx context.Context, conn *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	cs, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs.SendMsg(wrapperspb.String("x")); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if err := cs.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return cs
}

// finish reads the response of a call.
func finish(cs grpc.ClientStream) error { return cs.RecvMsg(new(wrapperspb.StringValue)) }

// TestResponsesThatNobodyReadsCount has a client that does not read, over all networks: its calls
// count until it reads or disconnects.
func TestResponsesThatNobodyReadsCount(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	plain := insecure.NewCredentials()
	large := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		network        string
		server, client credentials.TransportCredentials
	}{
		"tcp": {"tcp", nil, plain}, "unix": {"unix", nil, plain}, "memory": {"memory", nil, plain},
		"tls": {"tcp", serverTLS, clientTLS}, "tls in memory": {"memory", serverTLS, clientTLS}, "credentials": {"tcp", plain, plain},
	} {
		t.Run(name, func(t *testing.T) {
			ran := make(chan struct{}, 100)
			s := serve(t, Limits{Calls: 5}, test.network, test.server, test.client, func(context.Context) (string, error) {
				ran <- struct{}{}
				return large, nil
			})
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			conn := s.dial()
			var calls []grpc.ClientStream
			for range 5 {
				calls = append(calls, begin(t, ctx, conn))
			}
			s.eventually(t, Use{Streams: 5, Connections: 1})
			for range 20 {
				if err := finish(begin(t, ctx, s.dial())); status.Code(err) != codes.Unavailable {
					t.Fatalf("a call too many: %v", err)
				}
			}
			for i := range 5 { // a call counts before its method runs
				select {
				case <-ran:
				case <-ctx.Done():
					t.Fatalf("%d methods ran, want 5", i)
				}
			}
			if len(ran) > 0 {
				t.Errorf("%d methods ran, want 5", 5+len(ran))
			}
			if err := finish(calls[0]); err != nil {
				t.Error(err)
			}
			s.eventually(t, Use{Streams: 4, Connections: 21})
			if err := finish(begin(t, ctx, conn)); err != nil {
				t.Errorf("a call after one has been read: %v", err)
			}
			conn.Close()
			s.eventually(t, Use{Connections: 20})
		})
	}
}

// TestNothingIsLeft makes calls that end in every way, and checks that nothing counts at the end.
func TestNothingIsLeft(t *testing.T) {
	s := serve(t, Limits{Calls: 30, CallsPerPeer: 20}, "tcp", nil, insecure.NewCredentials(), func(ctx context.Context) (string, error) {
		switch rand.IntN(4) {
		case 0:
			return strings.Repeat("x", 1<<17), nil
		case 1:
			return "", status.Error(codes.NotFound, "no")
		case 2:
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "", nil
	})
	var wg sync.WaitGroup
	for range 20 {
		conn := s.dial()
		wg.Go(func() { mess(conn) })
	}
	wg.Wait()
	s.eventually(t, Use{})
	for _, peer := range append([]string{"127.0.0.1"}, clients...) {
		if got := s.UseOf(PeerOf(&net.TCPAddr{IP: net.ParseIP(peer)})); got != (Use{}) {
			t.Errorf("the peer %s uses %+v", peer, got)
		}
	}
	s.checkForgotten(t)
}

// checkForgotten waits until no use of a peer is held, so that the peers can be forgotten. A
// connection that is open holds that of its peer.
func (s *served) checkForgotten(t *testing.T, open ...Peer) {
	t.Helper()
	var held []Peer
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); runtime.Gosched() {
		held = nil
		for i := range s.peers.shards {
			held = append(held, s.peers.shards[i].held()...)
		}
		if slices.Equal(held, open) {
			return
		}
	}
	t.Errorf("held are the uses of %v, want %v", held, open)
}

func (s *shard) held() (peers []Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for peer, use := range s.peers {
		if use.refs != 0 {
			peers = append(peers, peer)
		}
	}
	return peers
}

// clients are the addresses that a proxy states for calls.
var clients = []string{"203.0.113.1", "203.0.113.2", "2001:db8::1"}

// TestClientsOfAProxyCountSeparately checks the calls that the transport holds.
func TestClientsOfAProxyCountSeparately(t *testing.T) {
	s := serve(t, Limits{CallsPerPeer: 2}, "tcp", nil, insecure.NewCredentials(), func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn := s.dial()
	for _, from := range append([]string{""}, clients...) {
		ctx := ctx
		if from != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "client", from)
		}
		for range 2 {
			begin(t, ctx, conn)
		}
		if err := finish(begin(t, ctx, conn)); status.Code(err) != codes.Unavailable {
			t.Errorf("a third call from %q: %v", from, err)
		}
	}
	s.eventually(t, Use{Streams: 8, Connections: 1})
	cancel()
	s.eventually(t, Use{Connections: 1})
	for _, from := range clients {
		if got := s.UseOf(PeerOf(&net.IPAddr{IP: net.ParseIP(from)})); got != (Use{}) {
			t.Errorf("%s uses %+v", from, got)
		}
	}
	s.checkForgotten(t, PeerOf(&net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}))
}

// mess makes calls over conn that are cancelled, exceed their deadline, or are not read, and closes
// it.
func mess(conn *grpc.ClientConn) {
	defer conn.Close()
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20_000))*time.Microsecond)
			defer cancel()
			if i := rand.IntN(len(clients) + 1); i < len(clients) {
				ctx = metadata.AppendToOutgoingContext(ctx, "client", clients[i])
			}
			cs, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
			if err != nil {
				return
			}
			_ = cs.SendMsg(wrapperspb.String(strings.Repeat("x", rand.IntN(100_000))))
			if rand.IntN(2) == 0 {
				_ = cs.CloseSend()
				_ = finish(cs)
			}
		})
	}
	wg.Wait()
}
