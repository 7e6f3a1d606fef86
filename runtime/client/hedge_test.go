package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// reply is what a scripted connection does with an attempt: it answers after a while, or not at
// all.
type reply struct {
	after    time.Duration
	silent   bool
	text     string
	code     codes.Code
	pushback string // the trailer of that name; none if empty
	do       func() // in place of an answer
}

// script is a connection whose n-th attempt of each call gets the n-th reply. It notes when
// attempts begin.
type script struct {
	replies []reply

	mu      sync.Mutex
	created time.Time
	begun   []time.Duration
	ids     []string
	running int
}

func newScript(replies ...reply) *script { return &script{replies: replies, created: time.Now()} }

func (s *script) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams")
}

// begin notes an attempt and returns its number, which the client tells by metadata.
func (s *script) begin(ctx context.Context) (n int) {
	md, _ := metadata.FromOutgoingContext(ctx)
	if previous := md.Get("grpc-previous-rpc-attempts"); len(previous) > 0 {
		_, _ = fmt.Sscan(previous[0], &n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, time.Since(s.created))
	s.ids = append(s.ids, md.Get("x-request-id")...)
	s.running++
	return n
}

func (s *script) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

func (s *script) Invoke(ctx context.Context, _ string, _, resp any, opts ...grpc.CallOption) (err error) {
	n := s.begin(ctx)
	defer s.end()
	r := s.replies[min(n, len(s.replies)-1)]
	if r.do != nil {
		r.do()
	}
	answer := time.After(r.after)
	if r.silent {
		answer = nil
	}
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-answer:
	}
	r.fill(n, opts)
	proto.Merge(resp.(proto.Message), &text{Value: r.text})
	return status.Error(r.code, r.text)
}

// fill does what grpc does for the caller's options.
func (r reply) fill(n int, opts []grpc.CallOption) {
	trailer := metadata.Pairs("attempt", fmt.Sprint(n))
	if r.pushback != "" {
		trailer.Append("grpc-retry-pushback-ms", strings.Fields(r.pushback)...)
	}
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			*opt.HeaderAddr = metadata.Pairs("attempt", fmt.Sprint(n))
		case grpc.TrailerCallOption:
			*opt.TrailerAddr = trailer
		case grpc.PeerCallOption:
			*opt.PeerAddr = peer.Peer{Addr: attemptAddr(n)}
		case grpc.OnFinishCallOption:
			opt.OnFinish(nil)
		}
	}
}

// attemptAddr is the address of the server that an attempt went to.
type attemptAddr int

func (attemptAddr) Network() string  { return "script" }
func (a attemptAddr) String() string { return fmt.Sprint(int(a)) }

// hedgeAfter is the policy of most tests here.
func hedgeAfter(delay time.Duration, attempts int) runtime.Policy {
	return runtime.Policy{Hedging: runtime.Hedging{Delay: delay, MaxAttempts: attempts, NonFatalCodes: []string{"UNAVAILABLE"}}}
}

func TestHedging(t *testing.T) {
	const ms = time.Millisecond
	unavailable := reply{code: codes.Unavailable, text: "down"}
	ok := reply{text: "ok"}
	pushed := func(ms string) reply { return reply{code: codes.Unavailable, text: "down", pushback: ms} }
	for name, test := range map[string]struct {
		attempts int
		replies  []reply
		want     codes.Code
		begun    []time.Duration
		took     time.Duration
	}{
		"the first answers in time": {3, []reply{{after: 40 * ms, text: "ok"}}, codes.OK, []time.Duration{0}, 40 * ms},
		"the second answers":        {3, []reply{{silent: true}, {after: 10 * ms, text: "ok"}}, codes.OK, []time.Duration{0, 50 * ms}, 60 * ms},
		"the first answers after the second began": {3, []reply{{after: 55 * ms, text: "ok"}, {silent: true}}, codes.OK,
			[]time.Duration{0, 50 * ms}, 55 * ms},
		"no more than there may be": {3, []reply{{after: 300 * ms, text: "ok"}, {silent: true}, {silent: true}}, codes.OK,
			[]time.Duration{0, 50 * ms, 100 * ms}, 300 * ms},
		"never more than five": {9, []reply{{after: 900 * ms, text: "ok"}, {silent: true}}, codes.OK,
			[]time.Duration{0, 50 * ms, 100 * ms, 150 * ms, 200 * ms}, 900 * ms},
		"a fatal code ends the call": {3, []reply{{silent: true}, {code: codes.NotFound, text: "gone"}}, codes.NotFound,
			[]time.Duration{0, 50 * ms}, 50 * ms},
		"after a failure the next begins at once, and the delay counts from there": {3,
			[]reply{{after: 20 * ms, code: codes.Unavailable}, {silent: true}, ok}, codes.OK, []time.Duration{0, 20 * ms, 70 * ms}, 70 * ms},
		"a failure leaves those that run": {2, []reply{{after: 90 * ms, text: "ok"}, unavailable}, codes.OK, []time.Duration{0, 50 * ms}, 90 * ms},
		"all fail":                        {3, []reply{unavailable}, codes.Unavailable, []time.Duration{0, 0, 0}, 0},
		"pushback delays":                 {3, []reply{pushed("120"), ok}, codes.OK, []time.Duration{0, 120 * ms}, 120 * ms},
		"after pushback the delay counts again": {3, []reply{pushed("10"), {silent: true}, ok}, codes.OK,
			[]time.Duration{0, 10 * ms, 60 * ms}, 60 * ms},
		"pushback stops":                     {3, []reply{pushed("-1"), ok}, codes.Unavailable, []time.Duration{0}, 0},
		"pushback that is no number":         {3, []reply{pushed("soon"), ok}, codes.Unavailable, []time.Duration{0}, 0},
		"pushback of more than 32 bits":      {3, []reply{pushed("9999999999"), ok}, codes.Unavailable, []time.Duration{0}, 0},
		"two pushbacks":                      {3, []reply{pushed("1 2"), ok}, codes.Unavailable, []time.Duration{0}, 0},
		"pushback beyond the deadline":       {3, []reply{pushed("30001"), ok}, codes.Unavailable, []time.Duration{0}, 0},
		"pushback leaves those that run":     {3, []reply{{after: 90 * ms, text: "ok"}, pushed("-1")}, codes.OK, []time.Duration{0, 50 * ms}, 90 * ms},
		"the deadline ends all":              {2, []reply{{silent: true}}, codes.DeadlineExceeded, []time.Duration{0, 50 * ms}, server.DefaultTimeout},
		"one attempt is a call like another": {1, []reply{unavailable}, codes.Unavailable, []time.Duration{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := newScript(test.replies...)
				resp, err := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(50*ms, test.attempts)), conn)}.One(context.Background(), &text{})
				if took := time.Since(conn.created); took != test.took || status.Code(err) != test.want || err == nil && resp.GetValue() != "ok" {
					t.Errorf("%v, %v after %v; want %v after %v", resp, err, took, test.want, test.took)
				}
				if !slices.Equal(conn.begun, test.begun) {
					t.Errorf("attempts began at %v, want %v", conn.begun, test.begun)
				}
				if conn.running != 0 {
					t.Errorf("%d attempts are still running", conn.running)
				}
				if len(slices.Compact(conn.ids)) != 1 {
					t.Errorf("the request IDs differ: %v", conn.ids)
				}
			})
		})
	}
}

// TestHedgingGivesUpWithItsCaller cancels while the server's pushback is waited for.
func TestHedgingGivesUpWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newScript(reply{code: codes.Unavailable, pushback: "10000"})
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		_, err := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(time.Hour, 2)), conn)}.One(ctx, &text{})
		if took := time.Since(conn.created); status.Code(err) != codes.Canceled || took != time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// TestHedgingEndsWithTheDeadline checks that nothing is tried after the end, even where its code
// may be tried again.
func TestHedgingEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := hedgeAfter(time.Hour, 5)
		policy.Hedging.NonFatalCodes = []string{"DEADLINE_EXCEEDED"}
		conn := newScript(reply{silent: true})
		_, err := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(policy), conn)}.One(context.Background(), &text{})
		if status.Code(err) != codes.DeadlineExceeded || len(conn.begun) != 1 {
			t.Errorf("got %v after %d attempts", err, len(conn.begun))
		}
	})
}

// TestHedgesAreBudgeted checks that hedging ends where it does not help: with 10 tokens, of which
// half must be left, a failure taking one, a hedge taking one, and a success bringing back a tenth.
func TestHedgesAreBudgeted(t *testing.T) {
	for name, test := range map[string]struct {
		replies []reply
		want    []int // attempts of each call
	}{
		"failures":      {[]reply{{code: codes.Unavailable}}, []int{3, 2, 1, 1}},
		"slow servers":  {[]reply{{after: time.Second}}, []int{3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1}},
		"others' fault": {[]reply{{code: codes.NotFound}}, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := newScript(test.replies...)
				stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(time.Millisecond, 3)), conn)}
				var got []int
				for range test.want {
					before := len(conn.begun)
					_, _ = stub.One(context.Background(), &text{})
					got = append(got, len(conn.begun)-before)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("attempts of each call: %v, want %v", got, test.want)
				}
			})
		})
	}
}

// TestHedgedCallOptions checks that what options point to is written once, by the attempt that
// counts.
func TestHedgedCallOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newScript(reply{after: 20 * time.Millisecond, code: codes.Unavailable}, reply{silent: true}, reply{text: "ok"})
		var header, first, second metadata.MD
		var from peer.Peer
		finished := 0
		ctx := client.WithCallOptions(context.Background(), grpc.Header(&header), grpc.Trailer(&first), grpc.Trailer(&second),
			grpc.Peer(&from), grpc.OnFinish(func(error) { finished++ }), grpc.WaitForReady(true))
		if _, err := (echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(10*time.Millisecond, 3)), conn)}).One(ctx, &text{}); err != nil {
			t.Fatal(err)
		}
		for _, md := range []metadata.MD{header, first, second} {
			if got := md.Get("attempt"); !slices.Equal(got, []string{"2"}) {
				t.Errorf("metadata of the attempts %q, want 2", got)
			}
		}
		if finished != 1 || from.Addr != attemptAddr(2) {
			t.Errorf("OnFinish was called %d times, the peer is %v", finished, from.Addr)
		}
	})
}

// TestPanicOfAHedge checks that a panic in an interceptor is raised where the call was made, after
// all attempts have ended.
func TestPanicOfAHedge(t *testing.T) {
	panics := reply{do: func() { panic(io.ErrUnexpectedEOF) }}
	for name, replies := range map[string][]reply{"the first": {panics}, "the second": {{silent: true}, panics}} {
		synctest.Test(t, func(t *testing.T) {
			conn := newScript(replies...)
			policy := hedgeAfter(time.Millisecond, 2)
			policy.Hedging.NonFatalCodes = []string{"INTERNAL"}
			stub := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(policy), conn)}
			value := recovered(func() { _, _ = stub.One(context.Background(), &text{}) })
			if p, ok := value.(*client.RequestPanic); !ok || p.Value != io.ErrUnexpectedEOF || !strings.Contains(p.Error(), "hedge_test.go") {
				t.Errorf("%s: recovered %v", name, value)
			}
			if conn.running != 0 || len(conn.begun) != len(replies) {
				t.Errorf("%s: %d attempts, %d are still running", name, len(conn.begun), conn.running)
			}
		})
	}
}

func TestHedgeThatEndsItsGoroutine(t *testing.T) {
	conn := newScript(reply{do: goruntime.Goexit})
	_, err := echotest.Client{Rows: echotest.RowsOf(echotest.TableWith(hedgeAfter(time.Hour, 2)), conn)}.One(context.Background(), &text{})
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "ended its goroutine") {
		t.Errorf("got %v", err)
	}
}
