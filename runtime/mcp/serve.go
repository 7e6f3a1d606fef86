package mcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Limits of connections.
const (
	headerTimeout  = 20 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// Serve serves the tools of a server on addr as well, over streamable HTTP on every path:
//
//	srv := server.New(mcp.Serve(":8090"))
//
// addr is spelled as for [server.Server.Run], which returns the errors of [New] and of the address.
// The address shares everything with that of Run: TLS, the bounds of connections, proxies, the log,
// and the shutdown with its budget. The option is for one server.
func Serve(addr string, opts ...Option) server.Option {
	if addr == "" {
		return server.WithError(errors.New(`mcp.Serve(""): pass an address, such as ":8090"`))
	}
	s := &served{opts: opts}
	return server.WithOptions(server.WithFront("mcp", addr, s.open), server.WithCompanions(s))
}

// served are the tools of a server on their own address. They are a [server.Companion], because
// only that is started when all services are registered.
type served struct {
	opts  []Option
	used  atomic.Bool
	tools *Tools // once the companion has started, which is before a connection is accepted
}

// Start implements [server.Companion].
func (s *served) Start(_ context.Context, srv *server.Server) (stop func(context.Context) error, err error) {
	if s.used.Swap(true) {
		return nil, errors.New("mcp.Serve is the option of another server; call it for each")
	}
	s.tools, err = New(srv, s.opts...)
	return nil, err
}

// ServeHTTP implements [http.Handler].
func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(server.HostConn); ok && r.ProtoMajor == 1 {
		conn.Finishing(false)
		defer conn.Finishing(true)
	}
	s.tools.ServeHTTP(w, r)
}

// connKey is the key of the [server.HostConn] in the context of a connection.
type connKey struct{}

// open returns what accepts connections.
func (s *served) open(host *server.Host) (server.Front, error) {
	config, err := host.TLS("h2", "http/1.1")
	if err != nil {
		return nil, fmt.Errorf("cannot serve tools: %w", err)
	}
	f := &front{host: host, tls: config}
	f.ctx, f.stopped = context.WithCancel(context.Background())
	f.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnState: noteState, BaseContext: func(net.Listener) context.Context { return f.ctx },
		ConnContext: func(ctx context.Context, raw net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, server.HostConnOf(raw))
		},
		ErrorLog: slog.NewLogLogger(host.Logger().Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: server.MaxConcurrentStreams, SendPingTimeout: server.KeepaliveTime,
			PingTimeout: server.KeepaliveTimeout, WriteByteTimeout: host.SendTimeout(),
		},
	}
	return f, nil
}

// front is the HTTP server of the tools: a [server.Front].
type front struct {
	host    *server.Host
	http    *http.Server
	tls     *tls.Config // nil for plain text
	ctx     context.Context
	stopped context.CancelFunc // ends GracefulStop, and the requests
	once    sync.Once
}

// Serve implements [server.Front].
func (f *front) Serve(lis net.Listener) error {
	lis = f.host.Listen(lis)
	if f.tls != nil {
		lis = tls.NewListener(lis, f.tls)
	}
	if err := f.http.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// GracefulStop implements [server.Front].
func (f *front) GracefulStop() { _ = f.http.Shutdown(f.ctx) }

// Stop implements [server.Front].
func (f *front) Stop() {
	f.once.Do(func() {
		f.stopped()
		_ = f.http.Close()
	})
}

// noteState records that a connection has sent a request.
func noteState(raw net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if conn := server.HostConnOf(raw); conn != nil {
		conn.Arrived()
	}
}
