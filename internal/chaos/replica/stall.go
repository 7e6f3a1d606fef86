package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/grpcservice/grpcservice/internal/chaos/judge"
	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// stallingStore makes some attempts stand still at their first checkpoint, as a process does that
// is paused, until another worker has the operation. Then they write, as a worker would that has
// not noticed. Each such write is logged with what the store said.
type stallingStore struct {
	operation.Store
	share float64
	stale *staleLog

	mu      sync.Mutex
	stalled map[string]*stall // by operation
}

// stall is an attempt that stands still.
type stall struct {
	fence   int64
	stalled bool // it has reached its checkpoint
	over    chan struct{}
}

func newStallingStore(store operation.Store, share float64, stale *staleLog) *stallingStore {
	return &stallingStore{Store: store, share: share, stale: stale,
		stalled: make(map[string]*stall)}
}

// Claim chooses the attempts that will stand still.
func (s *stallingStore) Claim(ctx context.Context, methods []string, n int) ([]*operation.Record,
	error) {
	claimed, err := s.Store.Claim(ctx, methods, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range claimed {
		if rand.Float64() < s.share {
			s.stalled[op.Name] = &stall{fence: op.Fence, over: make(chan struct{})}
		}
	}
	return claimed, err
}

// of returns the stall of an attempt, or nil.
func (s *stallingStore) of(name string, fence int64) *stall {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.stalled[name]; st != nil && st.fence == fence {
		return st
	}
	return nil
}

var errStalled = errors.New("replica: this attempt stands still")

// Renew fails while the attempt stands still.
func (s *stallingStore) Renew(ctx context.Context, name string, fence int64) (bool, error) {
	st := s.of(name, fence)
	if st == nil || !st.isStalled(&s.mu) {
		return s.Store.Renew(ctx, name, fence)
	}
	select {
	case <-st.over:
		return false, operation.ErrLeaseLost
	case <-ctx.Done():
		return false, errStalled
	}
}

func (st *stall) isStalled(mu *sync.Mutex) bool {
	mu.Lock()
	defer mu.Unlock()
	return st.stalled
}

// Save waits until another worker has the operation, if the attempt is one that stands still.
func (s *stallingStore) Save(ctx context.Context, name string, fence int64,
	p operation.Progress) (bool, error) {
	st := s.of(name, fence)
	if st == nil {
		return s.Store.Save(ctx, name, fence, p)
	}
	s.mu.Lock()
	first := !st.stalled
	st.stalled = true
	s.mu.Unlock()
	if first {
		s.standStill(name, fence)
		s.writeStale(name, fence, p)
		close(st.over)
	} else {
		<-st.over
	}
	return false, operation.ErrLeaseLost
}

// standStill waits until another claim has replaced the one with the fence.
func (s *stallingStore) standStill(name string, fence int64) {
	for {
		time.Sleep(50 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
		op, err := s.Get(ctx, name)
		cancel()
		if err == nil && (op.Fence > fence || op.Done()) {
			return
		}
	}
}

// writeStale writes all that a worker writes.
func (s *stallingStore) writeStale(name string, fence int64, p operation.Progress) {
	for call, f := range map[string]func(context.Context) error{
		"Renew": func(ctx context.Context) error {
			_, err := s.Store.Renew(ctx, name, fence)
			return err
		},
		"Save": func(ctx context.Context) error {
			_, err := s.Store.Save(ctx, name, fence, p)
			return err
		},
		"Release": func(ctx context.Context) error {
			return s.Store.Release(ctx, name, fence, operation.Again{})
		},
		"Finish": func(ctx context.Context) error {
			return s.Store.Finish(ctx, name, fence, operation.Result{Response: staleResult()})
		},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
		err := f(ctx)
		cancel()
		if errors.Is(err, operation.ErrLeaseLost) || err == nil { // or the store was not reached
			s.stale.refused(name, fence, call, err)
		}
	}
}

// staleResult returns a result that nobody must see.
func staleResult() []byte {
	packed, err := anypb.New(&chaosv1.RunResult{Nonce: "stale"})
	if err != nil {
		panic(err) // it has only text
	}
	encoded, err := proto.Marshal(packed)
	if err != nil {
		panic(err)
	}
	return encoded
}

// staleLog records what became of stale writes, so that it survives the process.
type staleLog struct {
	file   *os.File
	writer string
}

func openStaleLog(path, writer string) (*staleLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &staleLog{file, writer}, nil
}

// refused records that a stale write was refused with an error, or accepted without one. It
// returns the error.
func (l *staleLog) refused(name string, fence int64, call string, err error) error {
	line, _ := json.Marshal(judge.StaleWrite{
		Operation: name, Writer: l.writer, Fence: fence, Call: call,
		Refused: err != nil, Outcome: fmt.Sprint(err),
	})
	_, _ = l.file.Write(append(line, '\n')) // a line that is missing makes the count smaller
	return err
}
