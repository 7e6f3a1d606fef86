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
)

// serveStack serves a stack on a free port, which it prints, and then prints what it has used
// whenever it reads a line. It ends with its input.
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
	fmt.Println(lis.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		now, err := used()
		if err != nil {
			return err
		}
		if lines.Text() == memoryLine {
			now.Memory = memory()
		}
		if err := json.NewEncoder(os.Stdout).Encode(now); err != nil {
			return err
		}
	}
	return nil
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
	s := &serverProcess{cmd: exec.Command(os.Args[0], "-serve", stack)}
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
	if !s.lines.Scan() {
		return nil, errors.Join(fmt.Errorf("the server of %s did not start", stack), s.stop())
	}
	s.addr = s.lines.Text()
	return s, nil
}

// memoryLine asks a server for its memory, too.
const memoryLine = "memory"

// memory returns the memory that the server holds.
func (s *serverProcess) memory() (uint64, error) {
	now, err := s.ask(memoryLine)
	return now.Memory, err
}

// used returns what the server has used so far.
func (s *serverProcess) used() (now usage, err error) { return s.ask("") }

func (s *serverProcess) ask(line string) (now usage, err error) {
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
