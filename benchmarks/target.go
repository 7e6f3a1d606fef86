package main

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
)

// target is a server process and a client of it in this process.
type target struct {
	ctx    context.Context // of calls
	server *serverProcess
	conn   *grpc.ClientConn
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
	ctx = metadata.AppendToOutgoingContext(ctx, headersOf(stack)...)
	return &target{ctx: ctx, server: s, conn: conn}, nil
}

func (t *target) close() error { return errors.Join(t.conn.Close(), t.server.stop()) }

// block returns what the server uses while do runs.
func (t *target) block(do func() error) block { return t.server.block(do) }

// block returns what the server uses while do runs.
func (s *serverProcess) block(do func() error) block {
	return func() (peers.Usage, error) {
		before, err := s.used()
		if err != nil {
			return peers.Usage{}, err
		}
		if err := do(); err != nil {
			return peers.Usage{}, err
		}
		after, err := s.used()
		return after.Since(before), err
	}
}
