package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Bounds of the HTTP server.
const (
	maxConnections = 64
	maxHeaders     = 16 << 10
	headerTimeout  = 5 * time.Second
	writeTimeout   = 30 * time.Second // for a client that reads slowly
	idleTimeout    = time.Minute
)

// serving is the HTTP server of a page, while it accompanies a server.
type serving struct {
	http  *http.Server
	addr  net.Addr
	stop  context.CancelFunc // of the samples
	done  sync.WaitGroup
	since time.Time
}

// Start implements [server.Companion]: the page shows s, and listens with the first server that it
// accompanies until the last one has stopped. It returns an error if the address is taken.
func (p *Page) Start(ctx context.Context, s *server.Server) (stop func(context.Context) error, err error) {
	if err := p.misuse(); err != nil {
		return nil, err
	}
	if s != nil {
		p.Add(s)
	}
	if err := p.open(ctx); err != nil {
		if s != nil {
			p.remove(s)
		}
		return nil, err
	}
	return func(ctx context.Context) error {
		err := p.close(ctx)
		if s != nil {
			p.remove(s)
		}
		return err
	}, nil
}

// Addr returns the address at which the page listens, or nil while it does not.
func (p *Page) Addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving == nil {
		return nil
	}
	return p.serving.addr
}

// open listens, unless the page does already.
func (p *Page) open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving == nil {
		lis, err := network.Listen(ctx, p.addr)
		if err != nil {
			return fmt.Errorf("cannot serve the admin page: %w", err)
		}
		p.serving = p.serve(lis)
		p.logger().Info("admin page", "address", lis.Addr().String())
	}
	p.started++
	return nil
}

// serve serves the page at lis.
func (p *Page) serve(lis net.Listener) *serving {
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{addr: lis.Addr(), since: time.Now(), stop: cancel, http: &http.Server{
		Handler:           p.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       2 * headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(p.logger().Handler(), slog.LevelDebug),
	}}
	s.done.Go(func() { p.figures.sample(ctx) })
	s.done.Go(func() {
		if err := s.http.Serve(newLimited(lis)); !errors.Is(err, http.ErrServerClosed) {
			p.logger().Error("the admin page cannot accept connections", "error", err)
		}
	})
	return s
}

// close stops listening when the last server has stopped. Requests that run may finish until ctx
// ends.
func (p *Page) close(ctx context.Context) error {
	p.mu.Lock()
	p.started--
	s := p.serving
	if p.started > 0 || s == nil {
		p.mu.Unlock()
		return nil
	}
	p.serving = nil
	p.mu.Unlock()
	s.stop()
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // a reader that is too slow
	}
	s.done.Wait()
	return nil
}

// stopGrace is how long running requests may take when the page stops: less than a server gives.
const stopGrace = 500 * time.Millisecond

// limited is a listener with a maximum number of connections. Further ones wait in the queue of the
// system until another is closed; the timeouts of the HTTP server bound the wait.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(lis net.Listener) *limited {
	return &limited{Listener: lis, slots: make(chan struct{}, maxConnections), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
