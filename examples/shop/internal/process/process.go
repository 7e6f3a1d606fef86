// Package process builds and runs the shop's own programs, for its demo and its tests.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// module is the package path that the programs are built from.
const module = "github.com/grpcservice/grpcservice/examples/shop"

// Build builds the shop's programs, given the names of their directories in cmd, into dir.
func Build(ctx context.Context, dir string, names ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, module+"/cmd/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	// As in a container image, even if the caller uses the race detector.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Server is a running server.
type Server struct {
	// Addr is where it serves, Admin where its admin page is, and Web where it serves browsers, if it
	// does.
	Addr, Admin, Web string

	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the process; read it after ended
}

// Start runs the server at path on free ports and returns when it accepts connections. The
// server's log goes to log. env is added to the environment. The server is killed when ctx ends.
func Start(ctx context.Context, path string, log io.Writer, env []string, args ...string) (*Server, error) {
	cmd := exec.CommandContext(ctx, path, append([]string{"-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{cmd: cmd, ended: make(chan struct{})}
	addrs := make(chan addresses, 1)
	go func() {
		defer close(s.ended)
		s.err = errors.Join(follow(stderr, log, addrs), cmd.Wait())
	}()
	select {
	case found := <-addrs:
		s.Admin, s.Addr, s.Web = found.admin, found.serving, found.web
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("the server ended before it served: %w", s.err)
	}
}

// addresses are those in the lines that the server logs when it listens: that of the admin page
// comes first.
type addresses struct{ admin, serving, web string }

var (
	adminPage = regexp.MustCompile(`admin page.* address=(\S+)`)
	serving   = regexp.MustCompile(`serving.* address=(\S+)(?:.* web_address=(\S+))?`)
)

// follow copies the log lines of a server to w until the log ends, and sends the addresses in them.
func follow(log io.Reader, w io.Writer, addrs chan<- addresses) error {
	var found addresses
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		fmt.Fprintln(w, lines.Text())
		if match := adminPage.FindStringSubmatch(lines.Text()); match != nil && found.admin == "" {
			found.admin = match[1]
		}
		if match := serving.FindStringSubmatch(lines.Text()); match != nil && found.serving == "" {
			found.serving, found.web = match[1], match[2]
			addrs <- found
		}
	}
	return lines.Err()
}

// Signal sends the server a signal.
func (s *Server) Signal(signal os.Signal) error { return s.cmd.Process.Signal(signal) }

// Wait waits for the end of the server and returns an error unless its exit status is 0.
func (s *Server) Wait() error {
	<-s.ended
	return s.err
}

// Kill ends the server, if it has not ended, and waits for that.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // fails if the process has already exited
	<-s.ended
}
