package fleet

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Server is a server process behind a [Proxy].
type Server struct {
	Name string
	// Addr is the address for clients: that of the proxy.
	Addr string
	*Proxy

	cmd  *exec.Cmd
	wait func() error
}

// Start starts a server whose name its responses have. It is killed when the test ends.
func Start(t testing.TB, name string) *Server {
	t.Helper()
	return StartAt(t, name, "127.0.0.1:0")
}

// StartAt is Start with the address for clients.
func StartAt(t testing.TB, name, addr string) *Server {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), variable+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &Server{Name: name, cmd: cmd, wait: sync.OnceValue(cmd.Wait)}
	t.Cleanup(s.Kill)
	target, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server %s has not started: %v", name, err)
	}
	s.Proxy = newProxy(t, addr, strings.TrimSpace(target))
	s.Addr = s.Proxy.addr()
	return s
}

// Kill kills the process as kill -9 does, and waits for its end.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.wait()             // an error, because it was killed
}

// Drain asks the process to shut down, as Kubernetes does, and waits for its end.
func (s *Server) Drain(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(); err != nil {
		t.Errorf("the server %s: %v", s.Name, err)
	}
}

// Suspend stops the process (SIGSTOP): its connections stay open and nothing answers.
func (s *Server) Suspend(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// Resume continues a process that was suspended.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
