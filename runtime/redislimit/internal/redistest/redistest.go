// Package redistest starts Redis servers for tests.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a Redis that a test has started on its own port and in its own directory.
type Server struct {
	t    testing.TB
	Port int
	dir  string
	args []string
	cmd  *exec.Cmd
}

// Start starts a Redis with further arguments, and stops it when the test ends.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), args: args}
	t.Cleanup(s.Kill)
	for range 5 { // another process may take the port in between
		s.Port = freePort(t)
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
func (s *Server) start() bool {
	s.cmd = exec.Command(binary(s.t), append([]string{
		"--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--loglevel", "warning",
	}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	defer client.Close()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if client.Ping(context.Background()).Err() == nil {
			info, err := client.Info(context.Background(), "server").Result()
			return err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r", s.cmd.Process.Pid))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// Kill ends the server, as kill -9 does.
func (s *Server) Kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts the server again after a kill.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatal("redis-server does not start again")
	}
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// Pause suspends the server, as SIGSTOP does.
func (s *Server) Pause() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume continues a server that is suspended.
func (s *Server) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

// Addr returns the address of the server.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.Port) }

// Client returns a client with go-redis's own settings.
func (s *Server) Client() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	s.t.Cleanup(func() { client.Close() })
	return client
}

// Do sends a command that must succeed.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer client.Close()
	value, err := client.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return value
}

// Keys returns all keys.
func (s *Server) Keys() (keys []string) {
	for _, key := range s.Do("KEYS", "*").([]any) {
		keys = append(keys, key.(string))
	}
	return keys
}

// Calls returns how often Redis has run a command since CONFIG RESETSTAT.
func (s *Server) Calls(command string) int {
	info := s.Do("INFO", "commandstats").(string)
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

// Until waits until a condition holds.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in two minutes: %s", what)
		}
	}
}
