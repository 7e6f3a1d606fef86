package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"
)

// ErrNoRedis is the error of [StartRedis] on a machine without redis-server.
var ErrNoRedis = errors.New("redis-server is not installed; Debian has it in the package redis-server")

// Redis is a running Redis server without persistence.
type Redis struct {
	// Addr is where it listens.
	Addr string

	cmd *exec.Cmd
}

// StartRedis starts a Redis server in dir on a free port, and returns when it accepts connections.
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Redis{Addr: lis.Addr().String()}
	_, port, err := net.SplitHostPort(r.Addr)
	if err = errors.Join(err, lis.Close()); err != nil {
		return nil, err
	}
	r.cmd = exec.CommandContext(ctx, path,
		"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no")
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		if conn, err := net.DialTimeout("tcp", r.Addr, time.Second); err == nil {
			return r, conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.Stop()
	return nil, fmt.Errorf("redis-server does not listen on %s", r.Addr)
}

// Stop ends the server and waits for that.
func (r *Redis) Stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // fails because it was killed
}
