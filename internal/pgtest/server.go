//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/grpcservice/grpcservice/internal/freeport"
)

// ErrNotInstalled reports that PostgreSQL's programs were not found.
var ErrNotInstalled = errors.New("there is no PostgreSQL; run make test-servers, or install the package postgresql")

// startTimeout is how long a server may take to accept connections, recovery included.
const startTimeout = 2 * time.Minute

// Server is a PostgreSQL server. Its user is "test", without a password. All methods may be called
// concurrently.
type Server struct {
	// Dir is the directory with the data, the log and the Unix socket.
	Dir string
	// Port is the TCP port on 127.0.0.1. It remains the same when the server starts again.
	Port int

	bin        string // the directory of PostgreSQL's programs
	credential *syscall.Credential
	settings   []string
	env        []string
	remove     bool // whether Close removes Dir
	databases  atomic.Int64

	mu      sync.Mutex
	process *exec.Cmd     // nil while the server is not running
	exited  chan struct{} // closed when process has exited
}

// Option configures a server.
type Option func(*Server)

// WithSettings sets parameters of the server, such as "max_connections=400".
func WithSettings(settings ...string) Option {
	return func(s *Server) { s.settings = append(s.settings, settings...) }
}

// WithDirectory sets the directory of the server, which must be empty or missing, and short: it is
// a part of the path of a Unix socket, which is limited to about 100 bytes. Close does not remove
// it. The default is a temporary directory.
func WithDirectory(dir string) Option {
	return func(s *Server) { s.Dir = dir }
}

// WithEnv adds variables to the environment of the server, such as "LD_PRELOAD=...".
func WithEnv(env ...string) Option {
	return func(s *Server) { s.env = append(s.env, env...) }
}

// Run creates a database cluster, starts its server, and waits until it accepts connections. The
// caller must call [Server.Close]. It returns [ErrNotInstalled] if there is no PostgreSQL.
func Run(ctx context.Context, opts ...Option) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	for _, opt := range opts {
		opt(s)
	}
	if err := s.create(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// create creates the cluster and starts the server.
func (s *Server) create(ctx context.Context) (err error) {
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "pg"); err != nil { // short, because of the socket
			return err
		}
		s.remove = true
	} else if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	if s.credential, err = unprivileged(s.Dir); err != nil {
		return err
	}
	if err := s.program(ctx, "initdb", "-D", s.data(), "-U", "test", "-A", "trust", "--no-sync",
		"--locale=C.UTF-8", "-E", "UTF8"); err != nil {
		return err
	}
	s.Port = freeport.Get()
	return s.Start(ctx)
}

// data returns the directory of the cluster.
func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// URL returns the connection string of the database "postgres", over TCP.
func (s *Server) URL() string { return s.url("postgres") }

// url returns the connection string of a database.
func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://test@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// CreateDatabase creates an empty database and returns its connection string.
func (s *Server) CreateDatabase(ctx context.Context) (url string, err error) {
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	if err := s.program(ctx, "createdb", "-h", s.Dir, "-p", strconv.Itoa(s.Port), "-U", "test", name); err != nil {
		return "", err
	}
	return s.url(name), nil
}

// Start starts the server again, after [Server.Kill] or [Server.Stop], with the same data, settings
// and port. It returns when the server accepts connections.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return errors.New("pgtest: the server is running")
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.start(ctx)
		if err == nil {
			return nil
		}
		// Backends of a killed server may hold its memory for a moment.
		select {
		case <-ctx.Done():
			return fmt.Errorf("pgtest: %w\n%s", err, s.log())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// start starts the server once. s.mu is held.
func (s *Server) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{
		"-D", s.data(), "-p", strconv.Itoa(s.Port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + s.Dir, "-c", "fsync=off",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.Env = append(os.Environ(), s.env...)
	// Its own process group: Ctrl-C in a terminal is for the program that started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	watch, err := s.watch(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // how it ended is in its log
		_ = watch.Process.Kill()
		_ = watch.Wait()
	}()
	s.process, s.exited = cmd, exited
	if err := s.ready(ctx); err != nil {
		s.end(syscall.SIGQUIT)
		return err
	}
	return nil
}

// watchScript waits until its input is closed, ends a server, and removes its directory.
const watchScript = `read -r _
kill -QUIT "$0"
kill -CONT "$0"
n=0
while kill -0 "$0" 2>/dev/null && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
if [ -n "$1" ]; then rm -rf "$1"; fi`

// watch starts a process that ends the server with a process ID when this process ends, however
// that happens: its input is a pipe that nothing but this process holds open.
func (s *Server) watch(pid int) (*exec.Cmd, error) {
	dir := ""
	if s.remove {
		dir = s.Dir
	}
	cmd := exec.Command("/bin/sh", "-c", watchScript, strconv.Itoa(pid), dir)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Setpgid: true}
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return cmd, cmd.Start()
}

// ready waits until the server accepts connections. s.mu is held.
func (s *Server) ready(ctx context.Context) error {
	for !s.accepts() {
		select {
		case <-s.exited:
			return errors.New("PostgreSQL has exited")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not accept connections: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// accepts reports whether the server accepts connections: the first line of postmaster.pid is its
// process, the eighth its state.
func (s *Server) accepts() bool {
	text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(s.process.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

// Kill kills all processes of the server with SIGKILL, as if it had crashed. It does nothing if the
// server is not running.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGKILL)
}

// Stop stops the server without waiting for its connections, which it closes. It does nothing if
// the server is not running.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGINT)
}

// Close kills the server, and removes its directory if Run made it.
func (s *Server) Close() {
	s.Kill()
	if s.remove {
		_ = os.RemoveAll(s.Dir)
	}
}

// Signal sends a signal to all processes of the server, such as SIGSTOP and SIGCONT.
func (s *Server) Signal(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		signalAll(s.process.Process.Pid, signal)
	}
}

// end sends the server a signal that ends it, SIGKILL also to its children, and waits. s.mu is
// held.
func (s *Server) end(signal syscall.Signal) {
	if s.process == nil {
		return
	}
	pid := s.process.Process.Pid
	if signal == syscall.SIGKILL {
		signalAll(pid, signal)
	} else {
		_ = syscall.Kill(pid, signal)
	}
	<-s.exited
	s.process = nil
}

// signalAll sends a signal to a process and then to its children, as far as the system lists them.
// A stopped postmaster would not notice their end, a running one would replace them.
func signalAll(pid int, signal syscall.Signal) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	_ = syscall.Kill(pid, signal)
	for _, child := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, signal)
		}
	}
}

// log returns the last lines of the server's log.
func (s *Server) log() []byte {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return bytes.TrimSpace(text[max(0, len(text)-4<<10):])
}

// program runs one of PostgreSQL's programs to its end.
func (s *Server) program(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: %s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
