package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Limits of connections, where those of net/http are unlimited. A timeout for a whole request or
// response is not among them: it would cut streams.
const (
	// MaxHeaderBytes is the size of the headers of a request, including the message of a GET.
	MaxHeaderBytes = 64 << 10
	// HeaderTimeout is how long the headers of a request may take, and the handshake of TLS.
	HeaderTimeout = 20 * time.Second
)

// Serve serves the methods of a server on addr as well, over HTTP/1.1 and HTTP/2: in the protocols
// Connect, gRPC-Web and gRPC. addr is spelled as for [server.Server.Run], which returns the errors
// of the options and of the address.
//
// The address shares everything with that of Run: policies, rates, the bounds of calls and
// connections, TLS, proxies, health, the log, and the shutdown with its budget.
func Serve(addr string, opts ...Option) server.Option {
	if addr == "" {
		return server.WithError(errors.New(`web.Serve(""): pass an address, such as ":8081"; ` +
			"web.ServeAlone serves that of Run"))
	}
	return server.WithFront("web", addr, opener(opts))
}

// ServeAlone serves the methods of a server over HTTP on the address of [server.Server.Run] instead
// of grpc's transport, where a platform has one port only. It serves gRPC as well, at more than
// twice the CPU time, and without grpc's keepalive and options (server.WithGRPCOptions).
func ServeAlone(opts ...Option) server.Option {
	return server.WithFront("web", "", opener(opts))
}

// opener returns what creates the front of a server.
func opener(opts []Option) func(*server.Host) (server.Front, error) {
	return func(host *server.Host) (server.Front, error) {
		handler, err := newHandler(host, opts)
		if err != nil {
			return nil, err
		}
		return newFront(handler)
	}
}

// front is the HTTP server of a handler: a [server.Front].
type front struct {
	host    *server.Host
	http    *http.Server
	tls     *tls.Config // nil for plain text
	ctx     context.Context
	stopped context.CancelFunc // ends GracefulStop
	once    sync.Once
}

func newFront(h *Handler) (*front, error) {
	f := &front{host: h.host}
	if err := f.secure(h.settings); err != nil {
		return nil, err
	}
	f.ctx, f.stopped = context.WithCancel(context.Background())
	age := h.host.MaxConnectionAge()
	f.http = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       server.MaxConnectionIdle,
		MaxHeaderBytes:    MaxHeaderBytes,
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: server.MaxConcurrentStreams,
			SendPingTimeout:      server.KeepaliveTime,
			PingTimeout:          server.KeepaliveTimeout,
			WriteByteTimeout:     h.host.SendTimeout(),
		},
		ConnContext: func(ctx context.Context, raw net.Conn) context.Context { return newConn(ctx, raw, age) },
		ConnState:   noteState,
		ErrorLog:    slog.NewLogLogger(h.host.Logger().Handler(), slog.LevelDebug),
	}
	f.http.Protocols.SetHTTP1(true)
	f.http.Protocols.SetHTTP2(true)
	f.http.Protocols.SetUnencryptedHTTP2(true)
	return f, nil
}

// secure chooses the configuration of TLS.
func (f *front) secure(s *settings) (err error) {
	protocols := []string{"h2", "http/1.1"}
	switch {
	case s.plain:
	case s.tls != nil:
		f.tls = s.tls.Clone()
		f.tls.NextProtos = protocols
	default:
		if f.tls, err = f.host.TLS(protocols...); err != nil {
			return fmt.Errorf("cannot serve web: %w; pass web.WithTLS or web.WithoutTLS", err)
		}
	}
	return nil
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
