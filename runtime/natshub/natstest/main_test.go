package natstest_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
)

// These variables make the test binary a server, which a test can kill.
const (
	serverDir  = "NATSTEST_SERVER_DIR"
	serverPort = "NATSTEST_SERVER_PORT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverDir); dir != "" {
		serve(dir)
		return
	}
	os.Exit(m.Run())
}

// serve runs a server until the process is killed, or the test that started it has ended.
func serve(dir string) {
	port, err := strconv.Atoi(os.Getenv(serverPort))
	if err != nil {
		panic(err)
	}
	if _, err := natstest.Run(dir, natstest.WithPort(port)); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// process is a server in a process of its own.
type process struct {
	dir  string
	port int
	cmd  *exec.Cmd
	in   io.Closer
}

func startProcess(t *testing.T) *process {
	t.Helper()
	free := natstest.Start(t) // finds a free port
	free.Stop()
	p := &process{dir: t.TempDir(), port: free.Port()}
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serverDir+"="+p.dir, serverPort+"="+strconv.Itoa(p.port))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the server in a process printed %q, %v", line, err)
	}
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.in.Close()
}

func (p *process) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", p.port) }
