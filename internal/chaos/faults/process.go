package faults

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process is a program that is started again whenever it has been killed. Its listener remains
// open, so that connections of clients wait for the next start.
type Process struct {
	Name string

	program string
	env     func(incarnation int) []string
	log     string
	lis     *os.File
	addr    string

	mu          sync.Mutex
	incarnation int
	cmd         *exec.Cmd
	exited      chan struct{} // closed when cmd has
	ending      bool          // cmd was asked to end
	stopped     bool
	crashes     []error
}

// StartProcess starts a program. env returns its variables, for each start from 1 on; its
// listener is the file descriptor [ListenerFD]. What it prints is appended to the file log.
func StartProcess(name, program, log string, env func(incarnation int) []string) (*Process, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer lis.Close() // the file is a duplicate
	file, err := lis.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	p := &Process{Name: name, program: program, env: env, log: log, lis: file,
		addr: lis.Addr().String()}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, p.start()
}

// ListenerFD is the file descriptor of the listener in the process.
const ListenerFD = 3

// Addr returns the address of the listener.
func (p *Process) Addr() string { return p.addr }

// start starts the program. p.mu is held.
func (p *Process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p.incarnation++
	cmd := exec.Command(p.program)
	cmd.Env = append(os.Environ(), p.env(p.incarnation)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{p.lis}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.ending = cmd, exited, false
	go p.supervise(cmd, exited)
	return nil
}

// supervise waits for the end of a program. One that ends by itself has a defect; it is started
// again nevertheless, so that the rest of a test still says something.
func (p *Process) supervise(cmd *exec.Cmd, exited chan struct{}) {
	err := cmd.Wait()
	close(exited)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending || p.cmd != cmd {
		return
	}
	p.crashes = append(p.crashes, fmt.Errorf("%s has ended by itself: %v; see %s", p.Name, err,
		p.log))
	if len(p.crashes) < 100 {
		p.crashes = append(p.crashes, p.start())
	}
}

// Kill kills the process as kill -9 does, and starts it again.
func (p *Process) Kill() error { return p.restart(syscall.SIGKILL, 0) }

// Drain asks the process to shut down, and starts it again when it has, or kills it after a time.
func (p *Process) Drain(most time.Duration) error { return p.restart(syscall.SIGTERM, most) }

func (p *Process) restart(signal syscall.Signal, most time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(signal, most)
	return p.start()
}

// end ends the process. p.mu is held.
func (p *Process) end(signal syscall.Signal, most time.Duration) {
	if p.cmd == nil {
		return
	}
	p.ending = true
	if p.stopped {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		p.stopped = false
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended
	if signal != syscall.SIGKILL {
		killing := time.AfterFunc(most, func() { _ = p.cmd.Process.Kill() })
		defer killing.Stop()
	}
	<-p.exited
}

// Stop stops the process as SIGSTOP does, until [Process.Continue].
func (p *Process) Stop() { p.signal(syscall.SIGSTOP, true) }

// Continue lets a process that was stopped continue.
func (p *Process) Continue() { p.signal(syscall.SIGCONT, false) }

func (p *Process) signal(signal syscall.Signal, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(signal) // it may have ended
	p.stopped = stopped
}

// Close kills the process. It returns an error if the process had ended by itself.
func (p *Process) Close() error {
	p.mu.Lock()
	p.end(syscall.SIGKILL, 0)
	p.lis.Close()
	p.mu.Unlock()
	return p.Crashes()
}

// Crashes returns an error if the process has ended by itself.
func (p *Process) Crashes() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.crashes...)
}

// EndWithParent makes this process end soon after the one that started it, however that ended.
func EndWithParent() {
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(time.Second)
		}
		os.Exit(1)
	}()
}
