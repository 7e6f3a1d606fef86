package runtime_test

import (
	"context"
	"errors"
	"log/slog"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestGoWhileTheCallEnds checks that a goroutine which the call does not know may call Go at any
// time: what it starts is either waited for or on its own.
func TestGoWhileTheCallEnds(t *testing.T) {
	servicetest.NoLeaks(t)
	const calls = 1_600
	var all sync.WaitGroup
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		started := make(chan struct{})
		all.Go(func() {
			close(started)
			for i := 0; i < 200 && ctx.Err() == nil; i++ {
				runtime.Go(ctx, func(context.Context) error { return nil })
			}
		})
		<-started
		return nil
	}))
	var callers sync.WaitGroup
	for range 4 {
		for kind, call := range echotest.Kinds {
			callers.Go(func() {
				for range calls / 16 {
					if err := call(echotest.Context(t), srv.Conn); err != nil {
						t.Errorf("%s: %v", kind, err)
						return
					}
				}
			})
		}
	}
	callers.Wait()
	all.Wait()
}

// TestGoroutinesOfACallAreJoined checks that no response goes out before what was started with Go
// has returned, also where one goroutine starts the next.
func TestGoroutinesOfACallAreJoined(t *testing.T) {
	var mu sync.Mutex
	count := 0
	var next func(ctx context.Context, more int)
	next = func(ctx context.Context, more int) {
		runtime.Go(ctx, func(ctx context.Context) error {
			if more > 0 {
				next(ctx, more-1)
			}
			goruntime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			count++
			return nil
		})
	}
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error { next(ctx, 9); return nil }))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		mu.Lock()
		if count != 10 {
			t.Errorf("%s: %d of 10 goroutines had returned", kind, count)
		}
		count = 0
		mu.Unlock()
	}
}

func TestAGoroutineThatEndsItselfHasFailed(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		runtime.Go(ctx, func(context.Context) error { goruntime.Goexit(); return nil })
		return nil
	}))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s: got %v, want INTERNAL", kind, err)
		}
	}
}

// yielders are streams that yield from goroutines, as no iterator may: at the same time, and after
// they have returned.
func yielders(end *sync.WaitGroup, late func()) runtime.Stream[text] {
	return func(yield func(*text, error) bool) {
		var some sync.WaitGroup
		for range 4 {
			some.Add(1)
			end.Go(func() {
				for range 3 {
					yield(wrapperspb.String("x"), nil)
				}
				some.Done()
				late()
				yield(wrapperspb.String("late"), nil)
				yield(nil, errors.New("late"))
			})
		}
		some.Wait()
	}
}

// TestStreamsThatYieldFromGoroutines checks that they end nothing: neither the process nor the
// call.
func TestStreamsThatYieldFromGoroutines(t *testing.T) {
	servicetest.NoLeaks(t)
	var all sync.WaitGroup
	log := new(echotest.LogText)
	srv := echotest.Start(t, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return yielders(&all, func() { <-ctx.Done() })
		},
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
			return yielders(&all, func() { <-ctx.Done() })
		},
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			n := 0
			for _, err := range reqs {
				if err != nil {
					return nil, err
				}
				n++
			}
			return wrapperspb.String(strings.Repeat("x", n)), nil
		},
	}, server.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	stub, late := echotest.RowsOf(echotest.Table, srv.Conn), make(chan struct{})
	count := func(s runtime.Stream[text]) (n int) {
		for _, err := range s {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		return n
	}
	if n := count(client.ServerStream[text](echotest.Context(t), stub[1], echotest.TenBytes)); n != 12 {
		t.Errorf("server stream: %d of 12 messages", n)
	}
	if n := count(client.Bidi[text](echotest.Context(t), stub[3], yielders(&all, func() { <-late }))); n != 12 {
		t.Errorf("bidi: %d of 12 messages", n)
	}
	resp, err := client.ClientStream[text](echotest.Context(t), stub[2], yielders(&all, func() { <-late }))
	close(late)
	if err != nil || len(resp.GetValue()) != 12 {
		t.Errorf("client stream: %v, %v", resp, err)
	}
	all.Wait()
	if n := strings.Count(log.String(), "yield was called after"); n != 2 {
		t.Errorf("the log tells %d times of late yields, want once for each of the two calls:\n%s", n, log)
	}
}

// firstRecord is a handler that keeps the first record that it gets.
type firstRecord struct {
	slog.Handler
	got chan string
}

func (h firstRecord) Enabled(context.Context, slog.Level) bool { return true }

func (h firstRecord) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	select {
	case h.got <- text:
	default:
	}
	return nil
}

func TestAGoroutineOutsideACallThatEndsItselfIsLogged(t *testing.T) {
	got, before := make(chan string, 1), slog.Default()
	slog.SetDefault(slog.New(firstRecord{slog.DiscardHandler, got}))
	defer slog.SetDefault(before)
	runtime.Go(context.Background(), func(context.Context) error { goruntime.Goexit(); return nil })
	if text := echotest.Within(t, got); !strings.Contains(text, "goroutine failed") || !strings.Contains(text, "ended itself") {
		t.Errorf("the log has %q", text)
	}
}
