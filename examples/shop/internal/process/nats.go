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
	"strings"
	"syscall"
)

// natsModule is the directory of the module that links a NATS server.
const natsModule = "cmd/natsserver"

// NATS is a running NATS server.
type NATS struct {
	// URL is that for clients.
	URL string

	cmd *exec.Cmd
}

// StartNATS builds a NATS server into dir and starts it there on a free port, and returns when it
// accepts connections. The working directory must be that of the shop.
func StartNATS(ctx context.Context, dir string) (*NATS, error) {
	path := filepath.Join(dir, "natsserver")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
	build.Dir = natsModule
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build in %s: %w\n%s", natsModule, err, out)
	}
	n := &NATS{cmd: exec.CommandContext(ctx, path, "-dir", filepath.Join(dir, "streams"))}
	n.cmd.Stderr = os.Stderr
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		n.Stop()
		return nil, errors.Join(errors.New("the NATS server ended before it served"), ignoreEOF(err))
	}
	n.URL = strings.TrimSpace(line)
	return n, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Stop ends the server and waits for that.
func (n *NATS) Stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended
	_ = n.cmd.Wait()
}
