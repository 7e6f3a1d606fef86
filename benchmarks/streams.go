package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// oursUnbounded has no bound on the calls that run.
const oursUnbounded = "grpcservice, without bounds on calls"

// unboundedOptions are those of a server that has a hundred thousand streams of one caller.
func unboundedOptions() []server.Option {
	return append(pipelineOptions(oursNoLog), server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0),
		server.WithMaxConnections(0), server.WithMaxConnectionsPerPeer(0))
}

// measureStreams prints what a stream takes of a server's memory while nothing happens.
func measureStreams(ctx context.Context, out io.Writer, o options) error {
	fmt.Fprintln(out, "| server | idle bidi streams | bytes of the server per stream |")
	fmt.Fprintln(out, "| --- | --- | --- |")
	for _, stack := range []string{bare, oursUnbounded} {
		bytes, err := idleStreams(ctx, stack, o.idle)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %d |\n", stack, thousands(o.idle), bytes)
	}
	return nil
}

// idleStreams opens streams, each of which has sent and received a message, and returns what each
// takes.
func idleStreams(ctx context.Context, stack string, n int) (bytes int64, err error) {
	const each = 100 // on a connection
	t, err := dialServer(ctx, stack)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	before, err := t.server.memory()
	if err != nil {
		return 0, err
	}
	for range n / each {
		conn, err := openStreams(ctx, t.server.addr, each)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
	}
	after, err := t.server.memory()
	return (int64(after) - int64(before)) / int64(n), err
}

func openStreams(ctx context.Context, addr string, n int) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	client := policyv1.NewFullServiceClient(conn)
	var opening sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		opening.Go(func() { errs[i] = openStream(ctx, client) })
	}
	opening.Wait()
	return conn, errors.Join(errs...)
}

func openStream(ctx context.Context, client policyv1.FullServiceClient) error {
	stream, err := client.Bidi(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&kindsv1.Request{Text: "hello"}); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}
