// Command drive makes calls of FullService as a stock client, in a process of its own. It registers
// no compressors: some servers compress every response for a client that has them.
//
//	drive ADDRESS HEADER VALUE...
//
// It reads "unary CALLS AT-A-TIME" and "stream MESSAGES" from its input, line by line, makes those
// calls, and then prints a line with the error, or an empty one.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "drive:", err)
		os.Exit(1)
	}
}

func run(addr string, headers []string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	c := caller{
		ctx:    metadata.AppendToOutgoingContext(context.Background(), headers...),
		client: policyv1.NewFullServiceClient(conn),
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text := ""
		if err := c.do(lines.Text()); err != nil {
			text = strings.Join(strings.Fields(err.Error()), " ") // on one line
		}
		if _, err := fmt.Println(text); err != nil {
			return err
		}
	}
	return lines.Err()
}

type caller struct {
	ctx    context.Context // of calls
	client policyv1.FullServiceClient
}

// do makes the calls of a line.
func (c caller) do(line string) error {
	var n, inFlight int
	if _, err := fmt.Sscanf(line, "unary %d %d", &n, &inFlight); err == nil {
		return c.calls(n, inFlight)
	}
	if _, err := fmt.Sscanf(line, "stream %d", &n); err != nil {
		return fmt.Errorf("%q is not a command: %w", line, err)
	}
	return c.messages(n)
}

// calls makes n unary calls, some at a time.
func (c caller) calls(n, inFlight int) error {
	var callers sync.WaitGroup
	errs := make([]error, inFlight)
	for i := range inFlight {
		callers.Go(func() {
			for j := i; j < n && errs[i] == nil; j += inFlight {
				errs[i] = c.call()
			}
		})
	}
	callers.Wait()
	return errors.Join(errs...)
}

func (c caller) call() error {
	ctx, cancel := context.WithTimeout(c.ctx, 20*time.Second)
	defer cancel()
	_, err := c.client.Unary(ctx, &kindsv1.Request{Text: "hello"})
	return err
}

// messages reads one stream of n messages.
func (c caller) messages(n int) error {
	stream, err := c.client.ServerStream(c.ctx, &kindsv1.Request{Count: int32(n)})
	if err != nil {
		return err
	}
	for read := 0; ; read++ {
		if _, err := stream.Recv(); err == io.EOF && read == n {
			return nil
		} else if err != nil {
			return fmt.Errorf("after %d messages: %w", read, err)
		}
	}
}
