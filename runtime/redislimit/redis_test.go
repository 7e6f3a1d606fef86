package redislimit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// redisServer is a Redis that a test has started on its own port and in its own directory.
type redisServer struct {
	t    testing.TB
	port int
	dir  string
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a Redis with further arguments, and stops it when the test ends.
func startRedis(t testing.TB, args ...string) *redisServer {
	t.Helper()
	s := &redisServer{t: t, dir: t.TempDir(), args: args}
	t.Cleanup(s.kill)
	for range 5 { // another process may take the port in between
		s.port = freePort(t)
		if s.start() {
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

func freePort(t testing.TB) int {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().(*net.TCPAddr).Port
}

// binary returns the path of redis-server.
func binary(t testing.TB) string {
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	const get = "there is no redis-server; run make test-servers, or install the package redis-server"
	if os.Getenv("CI") == "true" {
		t.Fatal(get)
	}
	t.Skip(get)
	return ""
}

// start starts the server, and reports whether it accepts commands.
func (s *redisServer) start() bool {
	s.cmd = exec.Command(binary(s.t), append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--loglevel", "warning",
	}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr(), MaxRetries: -1})
	defer client.Close()
	for range 500 {
		if client.Ping(context.Background()).Err() == nil {
			info, err := client.Info(context.Background(), "server").Result()
			return err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r", s.cmd.Process.Pid))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// kill ends the server, as kill -9 does.
func (s *redisServer) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// restart starts the server again after a kill.
func (s *redisServer) restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatal("redis-server does not start again")
	}
}

func (s *redisServer) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

func (s *redisServer) pause()  { s.t.Helper(); s.signal(syscall.SIGSTOP) }
func (s *redisServer) resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *redisServer) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// client returns a client with go-redis's own settings.
func (s *redisServer) client() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.addr()})
	s.t.Cleanup(func() { client.Close() })
	return client
}

// do sends a command that must succeed.
func (s *redisServer) do(args ...any) any {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.addr()})
	defer client.Close()
	value, err := client.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return value
}

// keys returns all keys.
func (s *redisServer) keys() (keys []string) {
	for _, key := range s.do("KEYS", "*").([]any) {
		keys = append(keys, key.(string))
	}
	return keys
}

// calls returns how often Redis has run a command since CONFIG RESETSTAT.
func (s *redisServer) calls(command string) int {
	info := s.do("INFO", "commandstats").(string)
	_, line, ok := strings.Cut(info, "cmdstat_"+command+":calls=")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(line[:strings.IndexByte(line, ',')])
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// records is a log that tests read.
type records struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *records) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// lines returns the records of a level.
func (r *records) lines(level slog.Level) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(r.buf.String()) {
		if strings.Contains(line, "level="+level.String()) {
			lines = append(lines, line)
		}
	}
	return lines
}

// newLimiter returns a limiter with a log that fails the test if it has an unexpected record.
func newLimiter(t testing.TB, client redis.Scripter, opts ...Option) (*Limiter, *records) {
	t.Helper()
	log := new(records)
	l, err := New(client, append([]Option{WithLogger(log.logger())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l, log
}

// bind binds rates of the method test.v1.S/name.
func bind(l *Limiter, name string, rates ...runtime.Rate) *methodRates {
	info := runtime.NewMethodInfo("test.v1.S", name, runtime.KindUnary, runtime.Policy{Rates: rates})
	return l.Bind(info, rates).(*methodRates)
}

// take takes a call, and reports whether it is allowed.
func take(t testing.TB, r server.MethodRates, caller string) bool {
	_, wait, err := r.Take(context.Background(), caller)
	if err != nil {
		t.Errorf("Take(%q): %v", caller, err)
	}
	return err == nil && wait == 0
}

// allowed takes n calls, and returns how many are allowed.
func allowed(t testing.TB, r server.MethodRates, caller string, n int) (count int) {
	for range n {
		if take(t, r, caller) {
			count++
		}
	}
	return count
}

// until waits until a condition holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in 20s: %s", what)
		}
	}
}

const (
	slow = 1.0 / 3600
	// generous is a timeout for tests that are not about timeouts, on a busy machine.
	generous = 5 * time.Second
)
