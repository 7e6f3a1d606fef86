package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// echoes answers every request; Chat with what it receives.
func echoes() echotest.Funcs {
	impl := echotest.Behaving(func(context.Context) error { return nil })
	impl.ChatFunc = func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] { return reqs }
	return impl
}

// dial connects with options of TLS until the test ends.
func dial(t *testing.T, addr string, opts ...client.Option) *grpc.ClientConn {
	t.Helper()
	conn, err := client.Dial(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.ClientConn
}

// served is the name in the certificate that a new connection gets.
func served(t *testing.T, addr string, opts ...client.Option) string {
	t.Helper()
	conn, err := client.Dial(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var p peer.Peer
	if _, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest), grpc.Peer(&p)); err != nil {
		return err.Error()
	}
	return p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0].Subject.CommonName
}

// eventually waits until got returns want.
func eventually(t *testing.T, want string, got func() string) {
	t.Helper()
	last := ""
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if last = got(); strings.Contains(last, want) {
			return
		}
	}
	t.Fatalf("got %q, want %q", last, want)
}

// TestTLSOptions passes options that contradict each other or lack a part.
func TestTLSOptions(t *testing.T) {
	dir := t.TempDir()
	ca := certtest.NewCA(t, "root")
	cert, key := ca.Issue(t, "server").Write(t, dir)
	files, cas := server.WithTLSFiles(cert, key), server.WithClientCAs(certtest.Write(t, dir, ca))
	for want, opts := range map[string][]server.Option{
		`WithTLSFiles("", "k"): pass the paths`:                {server.WithTLSFiles("", "k")},
		"WithTLSFiles, WithTLS and WithCredentials are":        {files, server.WithTLS(new(tls.Config))},
		"WithClientCAs: pass WithTLSFiles too":                 {cas},
		`WithClientCAs(""): pass the path`:                     {server.WithClientCAs(""), files},
		"WithOptionalClientCertificates: pass WithClientCAs":   {files, server.WithOptionalClientCertificates()},
		"WithOptionalClientCertificates: pass WithTLSFiles to": {server.WithOptionalClientCertificates()},
		"WithMinTLSVersion(TLS 1.1): pass":                     {files, server.WithMinTLSVersion(tls.VersionTLS11)},
		"WithMinTLSVersion: pass WithTLSFiles too":             {server.WithMinTLSVersion(tls.VersionTLS12)},
		"certificate " + key + ": it has no PEM block":         {server.WithTLSFiles(key, cert)},
		"missing: no such file":                                {files, server.WithClientCAs(dir + "/missing")},
	} {
		err := server.New(opts...).Run(echotest.Context(t), "127.0.0.1:0")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRotationKeepsStreams replaces certificate and CAs while 1,000 streams are open: none of them
// is dropped, and new connections get the new certificate.
func TestRotationKeepsStreams(t *testing.T) {
	servicetest.NoLeaks(t)
	const streams, connections = 1000, 10
	dir := t.TempDir()
	ca, next := certtest.NewCA(t, "root"), certtest.NewCA(t, "next root")
	cert, key := ca.Issue(t, "first").Write(t, dir)
	caFile := certtest.Write(t, dir, ca)
	clientCert, clientKey := ca.Issue(t, "client").Write(t, t.TempDir())
	opts := []client.Option{client.WithServerCAs(caFile), client.WithTLSFiles(clientCert, clientKey)}

	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithTLSFiles(cert, key), server.WithClientCAs(caFile))
	server.Register[echotest.Service](srv, echotest.Table, echoes())
	addr := echotest.ListenAndServe(t, srv)
	var open []grpc.ClientStream
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	chat := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	for range connections {
		conn := dial(t, addr, opts...)
		for range streams / connections {
			stream, err := conn.NewStream(ctx, chat, "/test.v1.Echo/Chat")
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, stream)
		}
	}
	echo := func() {
		t.Helper()
		for i, stream := range open {
			if err := stream.SendMsg(echotest.TenBytes); err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
		}
		for i, stream := range open {
			if err := stream.RecvMsg(new(text)); err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
		}
	}
	echo()
	for round := range 3 { // the CA changes as well: first both are trusted, then the new one
		name := fmt.Sprint("round ", round)
		certtest.Write(t, dir, ca, next)
		next.Issue(t, name).Write(t, dir)
		eventually(t, name, func() string { return served(t, addr, opts...) })
		echo()
	}
	next.Issue(t, "client").Write(t, strings.TrimSuffix(clientCert, "/tls.crt"))
	certtest.Write(t, dir, next)
	eventually(t, "unknown certificate authority", func() string {
		oldCert, oldKey := ca.Issue(t, "client").Write(t, t.TempDir())
		return served(t, addr, client.WithServerCAs(caFile), client.WithTLSFiles(oldCert, oldKey))
	})
	eventually(t, "round 2", func() string { return served(t, addr, opts...) })
	echo()
	for i, stream := range open {
		if err := stream.CloseSend(); err != nil {
			t.Errorf("stream %d: %v", i, err)
		}
		if err := stream.RecvMsg(new(text)); err == nil || status.Code(echotest.EndOf(err)) != codes.OK {
			t.Errorf("stream %d ended with %v", i, err)
		}
	}
}

// TestMutualTLS calls all kinds of RPC with clients that the server must reject or accept.
func TestMutualTLS(t *testing.T) {
	servicetest.NoLeaks(t)
	dir := t.TempDir()
	ca, stranger := certtest.NewCA(t, "root"), certtest.NewCA(t, "stranger")
	cert, key := ca.Issue(t, "server").Write(t, dir)
	caFile := certtest.Write(t, dir, ca)
	strangerFile := certtest.Write(t, t.TempDir(), stranger)
	files := func(pair certtest.Pair) client.Option {
		return client.WithTLSFiles(pair.Write(t, t.TempDir()))
	}
	elsewhere := ca.Issue(t, "elsewhere", certtest.DNS("elsewhere.example.com"))
	valid := files(ca.Issue(t, "client"))
	trusted := client.WithServerCAs(caFile)
	for name, row := range map[string]struct {
		server     []server.Option
		client     []client.Option
		code       codes.Code
		want       string
		serverPair *certtest.Pair
	}{
		"valid":             {client: []client.Option{trusted, valid}},
		"no certificate":    {client: []client.Option{trusted}, code: codes.Unavailable, want: "certificate required"},
		"another CA":        {client: []client.Option{trusted, files(stranger.Issue(t, "client"))}, code: codes.Unavailable, want: "unknown certificate authority"},
		"untrusted server":  {client: []client.Option{client.WithServerCAs(strangerFile), valid}, code: codes.Unavailable, want: "unknown authority"},
		"system's roots":    {client: []client.Option{valid}, code: codes.Unavailable, want: "unknown authority"},
		"wrong SAN":         {client: []client.Option{trusted, valid}, serverPair: &elsewhere, code: codes.Unavailable, want: "x509: cannot validate certificate for 127.0.0.1"},
		"server name":       {client: []client.Option{trusted, valid, client.WithServerName("elsewhere.example.com")}, serverPair: &elsewhere},
		"wrong server name": {client: []client.Option{trusted, valid, client.WithServerName("other.example.com")}, code: codes.Unavailable, want: "not other.example.com"},
		"optional, none":    {server: []server.Option{server.WithOptionalClientCertificates()}, client: []client.Option{trusted}},
		"optional, another CA": {server: []server.Option{server.WithOptionalClientCertificates()},
			client: []client.Option{trusted, files(stranger.Issue(t, "client"))}, code: codes.Unavailable, want: "unknown certificate authority"},
		"TLS 1.2":           {client: []client.Option{client.WithTLS(old(t, ca))}, code: codes.Unavailable, want: "protocol version not supported"},
		"TLS 1.2 by option": {server: []server.Option{server.WithMinTLSVersion(tls.VersionTLS12)}, client: []client.Option{client.WithTLS(old(t, ca))}},
		"plain text":        {client: []client.Option{client.WithInsecure()}, code: codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			cert, key := cert, key
			if row.serverPair != nil {
				cert, key = row.serverPair.Write(t, t.TempDir())
			}
			srv := server.New(append(row.server, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
				server.WithTLSFiles(cert, key), server.WithClientCAs(caFile))...)
			server.Register[echotest.Service](srv, echotest.Table, echoes())
			conn := dial(t, echotest.ListenAndServe(t, srv), row.client...)
			for kind, call := range echotest.Kinds {
				err := call(echotest.Context(t), conn)
				if status.Code(err) != row.code || err != nil && !strings.Contains(err.Error(), row.want) {
					t.Errorf("%s: got %v, want %v with %q", kind, err, row.code, row.want)
				}
			}
		})
	}
}

// old is a client of TLS 1.2.
func old(t *testing.T, ca *certtest.CA) *tls.Config {
	return &tls.Config{RootCAs: ca.Pool(), MaxVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{ca.Issue(t, "client").Certificate(t)}}
}

// TestClientFiles dials with files that cannot be used, and follows those that change.
func TestClientFiles(t *testing.T) {
	servicetest.NoLeaks(t)
	dir, now := t.TempDir(), time.Now()
	ca := certtest.NewCA(t, "root")
	expired := ca.Issue(t, "client", certtest.Valid(now.Add(-time.Hour), now.Add(-time.Minute)))
	cert, key := expired.Write(t, dir)
	for want, opts := range map[string][]client.Option{
		"certificate " + cert + ": it expired at ":      {client.WithTLSFiles(cert, key)},
		"missing: no such file":                         {client.WithServerCAs(dir + "/missing")},
		"CA file " + key + ": it has no PEM block":      {client.WithServerCAs(key)},
		"WithInsecure disables TLS":                     {client.WithServerName("x"), client.WithInsecure()},
		"WithTLS replaces the other options of TLS":     {client.WithServerName("x"), client.WithTLS(new(tls.Config))},
		`WithTLSFiles("c", ""): pass the paths`:         {client.WithTLSFiles("c", "")},
		`WithServerCAs(""): pass the path`:              {client.WithServerCAs("")},
		`WithServerName(""): pass a name`:               {client.WithServerName("")},
		"WithMinTLSVersion(TLS 1.0): pass tls.VersionT": {client.WithMinTLSVersion(tls.VersionTLS10)},
	} {
		if _, err := client.Dial("localhost:1", opts...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	caFile := certtest.Write(t, dir, ca)
	serverCert, serverKey := ca.Issue(t, "server").Write(t, t.TempDir())
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithTLSFiles(serverCert, serverKey), server.WithClientCAs(caFile))
	addr := echotest.ListenAndServe(t, srv)
	opts := []client.Option{client.WithTLSFiles(cert, key), client.WithServerCAs(caFile)}
	soon := time.Now().Add(5 * time.Second) // only the dial must come before
	ca.Issue(t, "client", certtest.Valid(now.Add(-time.Hour), soon)).Write(t, dir)
	conn, err := client.Dial(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check := func() string {
		_, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest))
		return fmt.Sprint(err)
	}
	time.Sleep(time.Until(soon) + time.Second) // the resolution of certificates
	if got, want := check(), "certificate "+cert+": it expired at "; !strings.Contains(got, want) {
		t.Errorf("with a certificate that has expired: %s, want %q", got, want)
	}
	ca.Issue(t, "client").Write(t, dir)
	eventually(t, "<nil>", check)
}

// TestConnectionEndsWithCertificate keeps a stream open until the client's certificate expires. The
// client, which has renewed its certificate, connects again.
func TestConnectionEndsWithCertificate(t *testing.T) {
	servicetest.NoLeaks(t)
	dir := t.TempDir()
	ca := certtest.NewCA(t, "root")
	cert, key := ca.Issue(t, "server").Write(t, t.TempDir())
	caFile := certtest.Write(t, dir, ca)
	const id = "spiffe://example.org/a"
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithTLSFiles(cert, key), server.WithClientCAs(caFile), server.WithAuthenticator(server.PeerCertificate()))
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echoes())
	addr, now := echotest.ListenAndServe(t, srv), time.Now()
	soon := ca.Issue(t, "client", certtest.URIs(t, id),
		certtest.Valid(now.Add(-time.Hour), now.Add(5*time.Second)))
	clientCert, clientKey := soon.Write(t, dir)
	conn := dial(t, addr, client.WithServerCAs(caFile), client.WithTLSFiles(clientCert, clientKey))
	stream, err := conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(echotest.TenBytes); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(text)); err != nil {
		t.Fatal(err)
	}
	ca.Issue(t, "client", certtest.URIs(t, id)).Write(t, dir)
	if err := stream.RecvMsg(new(text)); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v", err)
	}
	if now := time.Now(); now.Before(soon.Certificate(t).Leaf.NotAfter) {
		t.Errorf("it ended before the certificate expired")
	}
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); err != nil {
			t.Errorf("%s with the new certificate: %v", kind, err)
		}
	}
}

// healthOf returns the status of a service in angle brackets.
func healthOf(ctx context.Context, conn *grpc.ClientConn, service string) string {
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		return err.Error()
	}
	return "<" + resp.GetStatus().String() + ">"
}

// TestHealthOfTLS breaks the files of a server, and lets its certificate expire.
func TestHealthOfTLS(t *testing.T) {
	servicetest.NoLeaks(t)
	dir, ca := t.TempDir(), certtest.NewCA(t, "root")
	first := ca.Issue(t, "first")
	cert, key := first.Write(t, dir)
	log := new(echotest.Records)
	srv := server.New(server.WithLogger(log.Logger(slog.LevelInfo)), server.WithDrainDelay(0), server.WithTLSFiles(cert, key))
	server.Register[echotest.Service](srv, echotest.Table, echoes())
	conn := dial(t, echotest.ListenAndServe(t, srv), client.WithServerCAs(certtest.Write(t, dir, ca)))
	status := func(service string) func() string {
		return func() string { return healthOf(echotest.Context(t), conn, service) }
	}
	eventually(t, "<SERVING>", status(server.HealthTLS))
	certtest.WriteFile(t, key, nil)
	eventually(t, "<NOT_SERVING>", status(server.HealthTLS))
	certtest.WriteFile(t, key, first.Key)
	eventually(t, "<SERVING>", status(server.HealthTLS))
	// Later there are more if the files are read between the writes of certificate and key.
	if rejected := len(log.Named(t, "TLS certificate not updated")); rejected != 1 {
		t.Errorf("%d records of the empty file, want 1", rejected)
	}
	now := time.Now()
	soon := now.Add(8 * time.Second)
	ca.Issue(t, "second", certtest.Valid(now.Add(-time.Hour), soon)).Write(t, dir)
	eventually(t, "expires soon", log.Text)
	time.Sleep(time.Until(soon))
	eventually(t, "<NOT_SERVING>", status(server.HealthTLS))
	if got := status("")(); got != "<SERVING>" { // clients that are connected continue
		t.Errorf("the server as a whole is %s", got)
	}
	ca.Issue(t, "next").Write(t, dir)
	eventually(t, "<SERVING>", status(server.HealthTLS))
	for _, message := range []string{"TLS certificate expires soon", "TLS certificate has expired"} {
		if got := len(log.Named(t, message)); got != 1 {
			t.Errorf("%d records %q", got, message)
		}
	}
	if got := len(log.Named(t, "TLS certificate updated")); got != 3 {
		t.Errorf("%d records of changes, want 3", got)
	}
}
