package server_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

var (
	loopback  = netip.MustParsePrefix("127.0.0.0/8")
	elsewhere = netip.MustParsePrefix("10.0.0.0/8")
)

// peersSeen records where the calls of a service come from: as the call has it, and as the
// connection has it, without its port.
type peersSeen struct {
	mu    sync.Mutex
	calls []string
}

func (p *peersSeen) service() echotest.Funcs {
	return echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		from, _ := peer.FromContext(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls = append(p.calls, withoutPort(call.Peer())+" via "+withoutPort(from.Addr))
		return nil
	})
}

// only returns what all calls have in common, and forgets them.
func (p *peersSeen) only(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	for _, call := range calls {
		if call != calls[0] {
			t.Errorf("calls come from %q", calls)
		}
	}
	if len(calls) == 0 {
		return ""
	}
	return calls[0]
}

func withoutPort(addr net.Addr) string {
	if addrPort, err := netip.ParseAddrPort(addr.String()); err == nil {
		return addrPort.Addr().String()
	}
	return addr.String()
}

// servers are the ways to serve with options; each returns an address.
var servers = map[string]func(t *testing.T, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string{
	"Server": func(t *testing.T, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string {
		srv := server.New(append([]server.Option{server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
		server.Register(srv, table, impl)
		return echotest.ListenAndServe(t, srv)
	},
	"Server without bounds": func(t *testing.T, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string {
		unbounded := []server.Option{
			server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)), server.WithMaxCalls(0),
			server.WithMaxCallsPerPeer(0), server.WithMaxConnections(0), server.WithMaxConnectionsPerPeer(0),
		}
		srv := server.New(append(unbounded, opts...)...)
		server.Register(srv, table, impl)
		return echotest.ListenAndServe(t, srv)
	},
	"On": func(t *testing.T, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string {
		opts = append([]server.Option{server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
		return serveOwn(t, grpc.NewServer(), table, impl, opts...)
	},
	"On with GRPCOptions": func(t *testing.T, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string {
		opts = append([]server.Option{server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
		return serveOwn(t, grpc.NewServer(server.GRPCOptions(opts...)...), table, impl, opts...)
	},
}

func serveOwn(t *testing.T, own *grpc.Server, table *runtime.Service[echotest.Service], impl echotest.Service, opts ...server.Option) string {
	t.Helper()
	server.Register(server.On(own, opts...), table, impl)
	return echotest.ListenAndServeGRPC(t, own)
}

func TestForwardedFor(t *testing.T) {
	for name, test := range map[string]struct {
		trusted []netip.Prefix
		header  []string
		want    string
	}{
		"no option":            {nil, []string{"203.0.113.9"}, "127.0.0.1 via 127.0.0.1"},
		"another proxy":        {[]netip.Prefix{elsewhere}, []string{"203.0.113.9"}, "127.0.0.1 via 127.0.0.1"},
		"no header":            {[]netip.Prefix{loopback}, nil, "127.0.0.1 via 127.0.0.1"},
		"garbage":              {[]netip.Prefix{loopback}, []string{"203.0.113.9, what?"}, "127.0.0.1 via 127.0.0.1"},
		"a client":             {[]netip.Prefix{loopback}, []string{"203.0.113.9"}, "203.0.113.9 via 127.0.0.1"},
		"a client that lies":   {[]netip.Prefix{loopback}, []string{"1.1.1.1, 127.0.0.2, 203.0.113.9"}, "203.0.113.9 via 127.0.0.1"},
		"in another header":    {[]netip.Prefix{loopback}, []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9 via 127.0.0.1"},
		"behind two proxies":   {[]netip.Prefix{elsewhere, loopback}, []string{"1.1.1.1, 203.0.113.9:99, 10.1.2.3"}, "203.0.113.9 via 127.0.0.1"},
		"an IPv6 client":       {[]netip.Prefix{loopback}, []string{"[2001:db8::7]:1"}, "2001:db8::7 via 127.0.0.1"},
		"a proxy by itself":    {[]netip.Prefix{loopback}, []string{"127.0.0.9"}, "127.0.0.9 via 127.0.0.1"},
		"a trusted IPv4in6":    {[]netip.Prefix{netip.MustParsePrefix("::ffff:127.0.0.0/104")}, []string{"203.0.113.9"}, "203.0.113.9 via 127.0.0.1"},
		"binary and Forwarded": {[]netip.Prefix{loopback}, nil, "127.0.0.1 via 127.0.0.1"},
	} {
		for how, serve := range servers {
			t.Run(name+"/"+how, func(t *testing.T) {
				seen, log := new(peersSeen), new(echotest.Records)
				opts := []server.Option{server.WithLogger(log.Logger(slog.LevelInfo))}
				if test.trusted != nil {
					opts = append(opts, server.WithTrustedProxies(test.trusted...))
				}
				conn := dial(t, serve(t, echotest.Table, seen.service(), opts...), client.WithInsecure())
				md := metadata.MD{"forwarded": {"for=203.0.113.9"}, "x-forwarded-for-bin": {"203.0.113.9"}, "x-real-ip": {"203.0.113.9"}}
				md["x-forwarded-for"] = test.header
				for kind, call := range echotest.Kinds {
					if err := call(metadata.NewOutgoingContext(echotest.Context(t), md), conn); err != nil {
						t.Errorf("%s: %v", kind, err)
					}
				}
				if got := seen.only(t); got != test.want {
					t.Errorf("calls come from %q, want %q", got, test.want)
				}
				from, via, _ := strings.Cut(test.want, " via ")
				eventually(t, `"peer":"`+from, log.Text)
				if proxied := strings.Contains(log.Text(), `"proxy":"`+via); proxied != (from != via) {
					t.Errorf("the log is %s", log.Text())
				}
			})
		}
	}
}

func TestInvalidProxies(t *testing.T) {
	for want, option := range map[string]server.Option{
		"WithTrustedProxies: name the proxies":         server.WithTrustedProxies(),
		"WithTrustedProxies: a prefix is not valid":    server.WithTrustedProxies(netip.Prefix{}),
		"WithTrustedProxies: 0.0.0.0/0 has every":      server.WithTrustedProxies(netip.MustParsePrefix("0.0.0.0/0")),
		"WithProxyProtocol: name the proxies":          server.WithProxyProtocol(),
		"WithProxyProtocol: ::/0 has every address, s": server.WithProxyProtocol(netip.MustParsePrefix("::/0")),
	} {
		if err := server.New(option).Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %q", err, want)
		}
	}
}

// Rates with KEY_PEER count by the address behind the proxy, and an IPv6 caller by its /64.
func TestRatesCountByForwardedAddress(t *testing.T) {
	p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 2, Key: runtime.ByPeer}}}
	for how, serve := range servers {
		t.Run(how, func(t *testing.T) {
			conn := dial(t, serve(t, echotest.TableWith(p), new(peersSeen).service(), server.WithTrustedProxies(loopback)), client.WithInsecure())
			for i, step := range []struct {
				from string
				code codes.Code
			}{
				{"203.0.113.9", codes.OK}, {"203.0.113.9:77", codes.OK}, {"203.0.113.9", codes.ResourceExhausted},
				{"203.0.113.9, 127.0.0.3", codes.ResourceExhausted}, {"9.9.9.9, 203.0.113.9", codes.ResourceExhausted},
				{"203.0.113.10", codes.OK}, {"", codes.OK},
				{"2001:db8::1", codes.OK}, {"2001:db8::2", codes.OK}, {"2001:db8::3", codes.ResourceExhausted}, {"2001:db8:0:1::1", codes.OK},
			} {
				err := echotest.Kinds["One"](metadata.AppendToOutgoingContext(echotest.Context(t), "x-forwarded-for", step.from), conn)
				if status.Code(err) != step.code {
					t.Errorf("step %d, from %q: %v, want %v", i, step.from, err, step.code)
				}
			}
		})
	}
}

// The calls of one client behind a proxy do not keep those of another from being served.
func TestCallsPerPeerCountByForwardedAddress(t *testing.T) {
	for how, serve := range servers {
		t.Run(how, func(t *testing.T) {
			servicetest.NoLeaks(t)
			running, release := make(chan struct{}, 10), make(chan struct{})
			impl := echotest.Behaving(func(ctx context.Context) error {
				running <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
				}
				return nil
			})
			conn := dial(t, serve(t, echotest.Table, impl, server.WithTrustedProxies(loopback), server.WithMaxCallsPerPeer(2)), client.WithInsecure())
			from := func(addr string) context.Context {
				return metadata.AppendToOutgoingContext(echotest.Context(t), "x-forwarded-for", addr)
			}
			var calls sync.WaitGroup
			for _, kind := range []string{"One", "Many"} {
				calls.Go(func() {
					if err := echotest.Kinds[kind](from("203.0.113.9"), conn); err != nil {
						t.Errorf("%s: %v", kind, err)
					}
				})
			}
			for range 2 {
				echotest.Within(t, running)
			}
			for kind, call := range echotest.Kinds {
				if err := call(from("203.0.113.9"), conn); rpcerr.ReasonOf(err) != rpcerr.ReasonTooManyCalls {
					t.Errorf("a third call, %s: %v", kind, err)
				}
			}
			calls.Go(func() {
				if err := echotest.Kinds["One"](from("203.0.113.10"), conn); err != nil {
					t.Errorf("another client: %v", err)
				}
			})
			echotest.Within(t, running)
			close(release)
			echotest.Returns(t, calls.Wait)
			eventually(t, "OK", func() string { return status.Code(echotest.Kinds["One"](from("203.0.113.9"), conn)).String() })
		})
	}
}

// proxy forwards connections to a server, each after a header that the test chooses.
type proxy struct {
	addr string
	mu   sync.Mutex
	head string
}

func (p *proxy) set(header string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head = header
}

func startProxy(t *testing.T, target, header string) *proxy {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: lis.Addr().String(), head: header}
	var forwarding sync.WaitGroup
	forwarding.Go(func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			forwarding.Go(func() { p.forward(in, target) })
		}
	})
	t.Cleanup(func() {
		lis.Close()
		forwarding.Wait()
	})
	return p
}

func (p *proxy) forward(in net.Conn, target string) {
	defer in.Close()
	out, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer out.Close()
	p.mu.Lock()
	header := p.head
	p.mu.Unlock()
	if _, err := io.WriteString(out, header); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		in.Close()
	})
	_, _ = io.Copy(out, in)
	out.Close()
	back.Wait()
}

// v1 and v2 are headers for a client with an address.
func v1(addr string) string {
	from := netip.MustParseAddrPort(addr)
	family, to := "TCP4", "192.0.2.1"
	if from.Addr().Is6() {
		family, to = "TCP6", "2001:db8::ffff"
	}
	return fmt.Sprintf("PROXY %s %s %s %d 443\r\n", family, from.Addr(), to, from.Port())
}

const v2Signature = "\r\n\r\n\x00\r\nQUIT\n"

func v2(addr string) string {
	from := netip.MustParseAddrPort(addr)
	family := byte(0x11)
	if from.Addr().Is6() {
		family = 0x21
	}
	ip := from.Addr().AsSlice()
	body := append(append([]byte{}, ip...), make([]byte, len(ip))...)
	body = binary.BigEndian.AppendUint16(body, from.Port())
	body = binary.BigEndian.AppendUint16(body, 443)
	body = append(body, "\x04\x00\x02ab"...) // an extension
	header := append([]byte(v2Signature), 0x21, family)
	return string(append(binary.BigEndian.AppendUint16(header, uint16(len(body))), body...))
}

const v2Local = v2Signature + "\x20\x00\x00\x00"

// secured are the ways to encrypt, each with the options of server and client.
func secured(t *testing.T) map[string]struct {
	server []server.Option
	client client.Option
} {
	ca := certtest.NewCA(t, "root")
	cert, key := ca.Issue(t, "server").Write(t, t.TempDir())
	return map[string]struct {
		server []server.Option
		client client.Option
	}{
		"plain text": {nil, client.WithInsecure()},
		"TLS":        {[]server.Option{server.WithTLSFiles(cert, key)}, client.WithServerCAs(certtest.Write(t, t.TempDir(), ca))},
	}
}

func TestProxyProtocol(t *testing.T) {
	for security, of := range secured(t) {
		for how, serve := range servers {
			if how == "On" { // needs GRPCOptions
				continue
			}
			t.Run(security+"/"+how, func(t *testing.T) {
				servicetest.NoLeaks(t)
				seen, log := new(peersSeen), new(echotest.Records)
				addr := serve(t, echotest.Table, seen.service(), append(of.server, server.WithProxyProtocol(loopback), server.WithLogger(log.Logger(slog.LevelInfo)))...)
				for header, want := range map[string]string{
					v1("203.0.113.9:4711"):          "203.0.113.9",
					v1("[2001:db8::7]:4711"):        "2001:db8::7",
					v2("203.0.113.9:4711"):          "203.0.113.9",
					v2("[2001:db8::7]:4711"):        "2001:db8::7",
					v2("[::ffff:203.0.113.9]:4711"): "203.0.113.9",
					"PROXY UNKNOWN\r\n":             "127.0.0.1",
					v2Local:                         "127.0.0.1",
				} {
					conn := dial(t, startProxy(t, addr, header).addr, of.client)
					for kind, call := range echotest.Kinds {
						// The caller cannot choose another address.
						ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "x-forwarded-for", "9.9.9.9")
						if err := call(ctx, conn); err != nil {
							t.Errorf("%q, %s: %v", header, kind, err)
						}
					}
					if got := seen.only(t); got != want+" via "+want {
						t.Errorf("%q: calls come from %q, want %s", header, got, want)
					}
					if want != "127.0.0.1" {
						eventually(t, `:4711"`, log.Text)
					}
				}
			})
		}
	}
}

// A header of the PROXY protocol states the proxy that has set X-Forwarded-For.
func TestProxyProtocolBeforeForwardedFor(t *testing.T) {
	seen := new(peersSeen)
	addr := servers["Server"](t, echotest.Table, seen.service(), server.WithProxyProtocol(loopback), server.WithTrustedProxies(elsewhere))
	for header, want := range map[string]string{
		v2("10.0.0.5:1"):  "203.0.113.9 via 10.0.0.5",
		v1("192.0.2.5:1"): "192.0.2.5 via 192.0.2.5", // no proxy: its header is not trusted
		v2Local:           "127.0.0.1 via 127.0.0.1",
	} {
		conn := dial(t, startProxy(t, addr, header).addr, client.WithInsecure())
		for kind, call := range echotest.Kinds {
			if err := call(metadata.AppendToOutgoingContext(echotest.Context(t), "x-forwarded-for", "9.9.9.9, 203.0.113.9"), conn); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if got := seen.only(t); got != want {
			t.Errorf("%q: calls come from %q, want %q", header, got, want)
		}
	}
}

// What starts with anything but a header is closed, and so is a header from elsewhere.
func TestConnectionsWithoutAHeaderAreClosed(t *testing.T) {
	for security, of := range secured(t) {
		for name, test := range map[string]struct {
			from   netip.Prefix
			header string
			logged string
		}{
			"no header":          {loopback, "", "does not start with a header of the PROXY protocol"},
			"garbage":            {loopback, strings.Repeat("garbage ", 100), "does not start"},
			"another version":    {loopback, v2Signature + "\x31\x11\x00\x00", "unknown version"},
			"endless line":       {loopback, "PROXY " + strings.Repeat("x", 1000), "more than 107 bytes"},
			"spoofed, version 1": {elsewhere, v1("203.0.113.9:4711"), ""},
			"spoofed, version 2": {elsewhere, v2("203.0.113.9:4711"), ""},
			"two headers":        {loopback, v1("203.0.113.9:4711") + v1("203.0.113.10:4711"), ""},
		} {
			t.Run(security+"/"+name, func(t *testing.T) {
				servicetest.NoLeaks(t)
				seen, log := new(peersSeen), new(echotest.Records)
				addr := servers["Server"](t, echotest.Table, seen.service(),
					append(of.server, server.WithProxyProtocol(test.from), server.WithLogger(log.Logger(slog.LevelInfo)))...)
				conn := dial(t, startProxy(t, addr, test.header).addr, of.client)
				for kind, call := range echotest.Kinds {
					if err := call(echotest.Context(t), conn); status.Code(err) != codes.Unavailable {
						t.Errorf("%s: %v", kind, err)
					}
				}
				if got := seen.only(t); got != "" {
					t.Errorf("a call was served: %s", got)
				}
				if test.logged != "" {
					eventually(t, test.logged, log.Text)
					eventually(t, "see WithProxyProtocol", log.Text)
				}
			})
		}
	}
}

// A proxy that does not send its header keeps nobody waiting, and is closed in time.
func TestSlowHeaders(t *testing.T) {
	servicetest.NoLeaks(t)
	seen := new(peersSeen)
	addr := servers["Server"](t, echotest.Table, seen.service(), server.WithProxyProtocol(loopback),
		server.WithGRPCOptions(grpc.ConnectionTimeout(3*time.Second)))
	var slow []net.Conn
	for _, start := range []string{"", "P", "PROXY TCP4 203.0.113.9 ", v2("203.0.113.9:1")[:20]} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, start); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	conn := dial(t, startProxy(t, addr, v1("203.0.113.9:4711")).addr, client.WithInsecure())
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, conn := range slow {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a slow connection: %d, %v", n, err)
		}
	}
}

// A shutdown does not wait for headers.
func TestShutdownClosesConnectionsWithoutAHeader(t *testing.T) {
	servicetest.NoLeaks(t)
	log := new(echotest.Records)
	srv := server.New(server.WithDrainDelay(0), server.WithLogger(log.Logger(slog.LevelInfo)), server.WithProxyProtocol(loopback))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	for range 3 {
		conn, err := net.Dial("tcp", lis.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	probe, err := net.Dial("tcp", lis.Addr().String()) // it is accepted after the others
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	start := time.Now()
	cancel()
	if err := echotest.Within(t, served); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
	if strings.Contains(log.Text(), "WithProxyProtocol") {
		t.Errorf("the log is %s", log.Text())
	}
}

// Connections count for the address in their header, and for nobody before they have it.
func TestConnectionsPerPeerCountByHeader(t *testing.T) {
	for security, of := range secured(t) {
		t.Run(security, func(t *testing.T) {
			log := new(echotest.Records)
			addr := servers["Server"](t, echotest.Table, new(peersSeen).service(), append(of.server,
				server.WithProxyProtocol(loopback), server.WithMaxConnectionsPerPeer(2), server.WithMaxConnections(20), server.WithLogger(log.Logger(slog.LevelInfo)))...)
			for range 5 { // these wait for their header
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			p := startProxy(t, addr, "")
			call := func() (*client.Conn, error) {
				conn, err := client.Dial(p.addr, of.client)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				return conn, echotest.Kinds["One"](echotest.Context(t), conn.ClientConn)
			}
			var open []*client.Conn
			for i, header := range []string{v1("203.0.113.9:1"), v2("203.0.113.9:2"), v1("203.0.113.9:3"), v1("203.0.113.10:1")} {
				p.set(header)
				conn, err := call()
				if (err == nil) != (i != 2) {
					t.Errorf("connection %d: %v", i, err)
				}
				open = append(open, conn)
			}
			eventually(t, "the peer has 2 connections", log.Text)
			eventually(t, `"peer":"203.0.113.9:3"`, log.Text)
			open[0].Close()
			open[2].Close()
			p.set(v1("203.0.113.9:4"))
			eventually(t, "OK", func() string { _, err := call(); return status.Code(err).String() })
		})
	}
}

// Callers of a Unix socket choose the addresses of their ends. They are one peer all the same, and
// no proxies.
func TestCallersOfAUnixSocketAreOnePeer(t *testing.T) {
	p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 2, Key: runtime.ByPeer}}}
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithTrustedProxies(loopback), server.WithProxyProtocol(loopback))
	server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error { return nil }))
	dir := t.TempDir()
	lis, err := net.Listen("unix", filepath.Join(dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	defer func() {
		cancel()
		if err := echotest.Within(t, served); err != nil {
			t.Error(err)
		}
	}()
	for i := range 4 {
		conn := dial(t, "unix://"+lis.Addr().String(), client.WithInsecure(), client.WithDialOptions(
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				local := &net.UnixAddr{Name: filepath.Join(dir, fmt.Sprint("client", i)), Net: "unix"}
				return (&net.Dialer{LocalAddr: local}).DialContext(ctx, "unix", lis.Addr().String())
			})))
		ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "x-forwarded-for", fmt.Sprint("203.0.113.", i))
		if err := echotest.Kinds["One"](ctx, conn); (err == nil) != (i < 2) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}
