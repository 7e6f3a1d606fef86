package natstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTimeout is how long a server may take to listen and to recover its streams.
const startTimeout = 2 * time.Minute

// Server is a NATS server with JetStream in this process. Its methods may be called concurrently.
type Server struct {
	dir      string
	settings settings

	mu      sync.Mutex
	running *server.Server // nil while it is stopped
}

// Option configures a [Server].
type Option func(*settings)

type settings struct {
	port    int
	changes []func(*server.Options)
}

// WithPort makes the server listen on a port of 127.0.0.1, instead of a free one.
func WithPort(port int) Option { return func(s *settings) { s.port = port } }

// WithServerOptions changes the server's own options before each of its starts, for example to
// add accounts or to limit the size of messages.
func WithServerOptions(change func(*server.Options)) Option {
	return func(s *settings) { s.changes = append(s.changes, change) }
}

// Start starts a server in a temporary directory, and stops it at the end of the test.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := Run(filepath.Join(tb.TempDir(), "nats"), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Stop)
	return s
}

// Run starts a server that keeps its streams in dir. The caller must call [Server.Stop]. A
// directory belongs to one server at a time.
func Run(dir string, opts ...Option) (*Server, error) {
	s := &Server{dir: dir, settings: settings{port: freePort()}}
	for _, opt := range opts {
		opt(&s.settings)
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	return s, nil
}

// freePort returns a port that nothing listens on. It is below those that systems give to
// connections and to listeners without a port, so that nothing gets it while the server is down.
// Package internal/freeport does the same for what is not under runtime.
func freePort() int {
	for {
		port := 20_000 + rand.IntN(12_000)
		if lis, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			lis.Close()
			return port
		}
	}
}

// Start starts a server that was stopped, on the same port and directory. It does nothing if the
// server runs.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return nil
	}
	running, err := s.launch()
	if err != nil {
		return err
	}
	s.settings.port = running.Addr().(*net.TCPAddr).Port
	s.running = running
	return nil
}

// launch starts a server and waits until it accepts connections.
func (s *Server) launch() (*server.Server, error) {
	opts := &server.Options{
		Host: "127.0.0.1", Port: s.settings.port, NoSigs: true,
		JetStream: true, StoreDir: s.dir, DisableJetStreamBanner: true,
		JetStreamMaxMemory: 4 << 30, JetStreamMaxStore: 64 << 30, // limits; nothing is allocated
	}
	for _, change := range s.settings.changes {
		change(opts)
	}
	running, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("natstest: %w", err)
	}
	var problems problems
	running.SetLoggerV2(&problems, false, false, false)
	running.Start()
	if !problems.fatal() && running.ReadyForConnections(startTimeout) {
		return running, nil
	}
	running.Shutdown()
	running.WaitForShutdown()
	return nil, fmt.Errorf("natstest: the server on port %d with directory %q does not start: %w",
		s.settings.port, s.dir, problems.err())
}

// Stop shuts the server down and waits for its end. Its directory stays. It does nothing if the
// server does not run.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	s.running.Shutdown()
	s.running.WaitForShutdown()
	s.running = nil
}

// Restart stops the server and starts it again.
func (s *Server) Restart() error {
	s.Stop()
	return s.Start()
}

// URL returns the URL for clients. It stays the same when the server starts again.
func (s *Server) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.Port()) }

// Port returns the port for clients.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.port
}

// Dir returns the directory with the streams.
func (s *Server) Dir() string { return s.dir }

// Connect returns a connection that waits briefly between attempts to reconnect and never gives
// up. It is closed at the end of the test.
func (s *Server) Connect(tb testing.TB, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	nc, err := nats.Connect(s.URL(), append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond),
		nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		nats.Timeout(startTimeout),
	}, opts...)...)
	if err != nil {
		tb.Fatalf("natstest: connecting to %s: %v", s.URL(), err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// problems is a logger that keeps the first errors of a server.
type problems struct {
	mu     sync.Mutex
	errs   []error
	ending bool
}

// maxProblems bounds the errors that are kept.
const maxProblems = 10

func (p *problems) add(fatal bool, format string, args []any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = p.ending || fatal
	if len(p.errs) < maxProblems {
		p.errs = append(p.errs, fmt.Errorf(format, args...))
	}
}

func (p *problems) fatal() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

func (p *problems) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) == 0 {
		return fmt.Errorf("it does not listen within %v", startTimeout)
	}
	return errors.Join(p.errs...)
}

// Fatalf and the other methods implement the server's Logger.
func (p *problems) Fatalf(format string, args ...any) { p.add(true, format, args) }
func (p *problems) Errorf(format string, args ...any) { p.add(false, format, args) }
func (p *problems) Warnf(string, ...any)              {}
func (p *problems) Noticef(string, ...any)            {}
func (p *problems) Debugf(string, ...any)             {}
func (p *problems) Tracef(string, ...any)             {}
