package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// serveStack serves a stack on a free port, and reports what it uses to the process that has
// started it.
func serveStack(stack string) error {
	srv, err := register(stack)
	if err != nil {
		return err
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Serve(lis) // ends with Stop
	defer srv.Stop()
	return peers.Report(lis.Addr().String(), os.Stdin, os.Stdout)
}

// serverProcess is a server in a separate process, so that its use of resources is measured without
// its client's.
type serverProcess struct {
	addr  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// startServer starts a server of a stack.
func startServer(stack string) (*serverProcess, error) {
	return startProgram(stack, os.Args[0], "-serve", stack)
}

// startProgram starts a server that reports what it uses.
func startProgram(name, binary string, args ...string) (*serverProcess, error) {
	s := &serverProcess{cmd: exec.Command(binary, args...)}
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.in, s.lines = in, bufio.NewScanner(out)
	for s.lines.Scan() {
		if addr, ok := strings.CutPrefix(s.lines.Text(), peers.AddressPrefix); ok {
			s.addr = addr
			return s, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the server of %s did not start", name), s.stop())
}

// memory returns the memory that the server holds.
func (s *serverProcess) memory() (uint64, error) {
	now, err := s.ask(peers.MemoryLine)
	return now.Memory, err
}

// used returns what the server has used so far.
func (s *serverProcess) used() (now peers.Usage, err error) { return s.ask("") }

func (s *serverProcess) ask(line string) (now peers.Usage, err error) {
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		return now, err
	}
	if !s.lines.Scan() {
		return now, errors.New("the server has ended")
	}
	return now, json.Unmarshal(s.lines.Bytes(), &now)
}

// stop ends the server.
func (s *serverProcess) stop() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }
