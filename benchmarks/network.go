package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
)

// measureServers compares what server processes use for calls over loopback TCP, all from the same
// stock client.
func measureServers(ctx context.Context, o options) error {
	for _, stack := range stacks {
		if err := measureServer(ctx, stack, o); err != nil {
			return err
		}
	}
	return nil
}

func measureServer(ctx context.Context, stack string, o options) (err error) {
	base, err := dialServer(ctx, bare)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.close()) }()
	other, err := dialServer(ctx, stack)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	unary := func(t *target) block { return t.block(func() error { return t.calls(o.calls, o.inFlight) }) }
	if err := compare("unary, TCP", stack, o.pairs, o.calls, unary(base), unary(other)); err != nil {
		return err
	}
	stream := func(t *target) block { return t.block(func() error { return t.messages(o.messages) }) }
	return compare("stream message, TCP", stack, o.pairs, o.messages, stream(base), stream(other))
}

// target is a server process and a client of it.
type target struct {
	ctx    context.Context // of calls
	server *serverProcess
	conn   *grpc.ClientConn
	client policyv1.FullServiceClient
}

func dialServer(ctx context.Context, stack string) (*target, error) {
	s, err := startServer(stack)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return &target{ctx: callerOf(ctx, stack), server: s, conn: conn, client: policyv1.NewFullServiceClient(conn)}, nil
}

func (t *target) close() error { return errors.Join(t.conn.Close(), t.server.stop()) }

// block returns what the server uses while do runs.
func (t *target) block(do func() error) block {
	return func() (usage, error) {
		before, err := t.server.used()
		if err != nil {
			return usage{}, err
		}
		if err := do(); err != nil {
			return usage{}, err
		}
		after, err := t.server.used()
		return after.since(before), err
	}
}

// calls makes n unary calls, some at a time.
func (t *target) calls(n, inFlight int) error {
	var callers sync.WaitGroup
	errs := make([]error, inFlight)
	for i := range inFlight {
		callers.Go(func() {
			for j := i; j < n && errs[i] == nil; j += inFlight {
				errs[i] = t.call()
			}
		})
	}
	callers.Wait()
	return errors.Join(errs...)
}

func (t *target) call() error {
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
	defer cancel()
	_, err := t.client.Unary(ctx, &kindsv1.Request{Text: "hello"})
	return err
}

// messages reads one stream of n messages.
func (t *target) messages(n int) error {
	stream, err := t.client.ServerStream(t.ctx, &kindsv1.Request{Count: int32(n)})
	if err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
