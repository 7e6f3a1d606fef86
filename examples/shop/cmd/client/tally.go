package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// tally counts calls by their code, with an interceptor for each of grpc's two kinds of calls.
type tally struct {
	mu     sync.Mutex
	counts map[codes.Code]int
}

func (t *tally) count(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[status.Code(err)]++
}

// unary is an interceptor of unary calls.
func (t *tally) unary(
	ctx context.Context, method string, req, resp any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	err := invoke(ctx, method, req, resp, cc, opts...)
	t.count(err)
	return err
}

// stream is an interceptor of streams. It returns when the stream has been opened; grpc calls count
// when the stream ends.
func (t *tally) stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return open(ctx, desc, cc, method, append(slices.Clip(opts), grpc.OnFinish(t.count))...)
}

// String returns the codes and how often each was seen.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(t.counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", code, t.counts[code]))
	}
	return strings.Join(parts, ", ")
}
