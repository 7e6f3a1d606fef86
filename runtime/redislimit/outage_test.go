package redislimit

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// isAway reports whether l limits by its share.
func isAway(l *Limiter) bool { return l.Stats().Away > 0 }

// awaitAway calls until l has noticed and logged that Redis is away.
func awaitAway(t *testing.T, l *Limiter, log *records) {
	t.Helper()
	r := bind(l, "Awaits", runtime.Rate{PerSecond: 1e6, Burst: 1e6})
	redistest.Until(t, "the limiter logs that Redis is away", func() bool {
		take(t, r, "")
		return isAway(l) && len(log.lines(slog.LevelWarn)) == len(log.lines(slog.LevelInfo))+1
	})
}

// awaitBack calls until l uses Redis, and has logged that it is back from each outage.
func awaitBack(t *testing.T, l *Limiter, log *records) {
	t.Helper()
	r := bind(l, "Awaits", runtime.Rate{PerSecond: 1e6, Burst: 1e6})
	redistest.Until(t, "the limiter uses Redis", func() bool {
		before := l.Stats().Shared
		take(t, r, "")
		return l.Stats().Shared > before && len(log.lines(slog.LevelWarn)) == len(log.lines(slog.LevelInfo))
	})
}

// TestRestart kills Redis, checks the share of the replica, and starts Redis again, empty.
func TestRestart(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithReplicas(2), WithTimeout(generous))
	r := bind(l, "M",
		runtime.Rate{PerSecond: slow, Burst: 10, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 100},
	)
	awaitBack(t, l, log)
	if n := allowed(t, r, "ada", 20); n != 10 {
		t.Errorf("%d calls are allowed, want 10", n)
	}
	s.Kill()
	awaitAway(t, l, log)
	if n := allowed(t, r, "ada", 20); n != 0 {
		t.Errorf("while Redis is away, %d more calls are allowed of a caller that had used up its burst", n)
	}
	if n := allowed(t, r, "bob", 20); n != 5 {
		t.Errorf("while Redis is away, %d calls are allowed, want half of the burst", n)
	}
	s.Restart()
	awaitBack(t, l, log)
	warned, back := log.lines(slog.LevelWarn), log.lines(slog.LevelInfo)
	if len(warned) != 1 || len(back) != 1 || !strings.Contains(warned[0], "error=") || !strings.Contains(back[0], "away=") {
		t.Errorf("logged %q and %q, want a record of each change", warned, back)
	}
	if n := allowed(t, r, "ada", 20); n != 10 {
		t.Errorf("with an empty Redis, %d calls are allowed, want a burst", n)
	}
	stats := l.Stats()
	if stats.Outages < 1 || stats.Failures < 2 || stats.Local < 40 {
		t.Errorf("%+v", stats)
	}
}

// TestPause measures what calls pay while Redis is paused, when one goroutine calls and when many
// do.
func TestPause(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	const timeout = 500 * time.Millisecond // far from what a busy machine adds
	l, log := newLimiter(t, s.Client(), WithTimeout(timeout))
	r := bind(l, "M", runtime.Rate{PerSecond: 1e6, Burst: 1e6})
	for _, callers := range []int{1, 100} {
		awaitBack(t, l, log)
		s.Pause()
		var mu sync.Mutex
		var paid []time.Duration
		var wg sync.WaitGroup
		var calls atomic.Int64
		began := time.Now()
		for range callers {
			wg.Go(func() {
				for time.Since(began) < 6*timeout {
					start := time.Now()
					take(t, r, "")
					calls.Add(1)
					if took := time.Since(start); took > timeout/2 {
						mu.Lock()
						paid = append(paid, took)
						mu.Unlock()
					}
					time.Sleep(time.Millisecond) // leave the processors to calls that have waited
				}
			})
		}
		wg.Wait()
		slices.Sort(paid)
		if len(paid) == 0 || len(paid) > 2*callers || paid[len(paid)-1] > 10*timeout {
			t.Errorf("%d callers: %d calls waited, the longest of %v; want each to wait once", callers, len(paid), paid)
		}
		t.Logf("%d callers: %d of %d calls waited, up to %v", callers, len(paid), calls.Load(), paid[len(paid)-1])
		awaitAway(t, l, log)
		s.Resume()
	}
	awaitBack(t, l, log)
}

// TestShortPause checks that a moment without replies is not logged, and that calls are limited.
func TestShortPause(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithTimeout(50*time.Millisecond), WithReplicas(1))
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 4})
	if n := allowed(t, r, "", 2); n != 2 {
		t.Fatalf("%d calls are allowed", n)
	}
	s.Pause()
	take(t, r, "")
	s.Resume()
	redistest.Until(t, "the circuit closes", func() bool { return !isAway(l) })
	if n := allowed(t, r, "", 10); n > 3 {
		t.Errorf("%d more calls are allowed, want at most what was left in Redis and of the share", n)
	}
	if stats := l.Stats(); stats.Outages < 1 || len(log.lines(slog.LevelWarn)) > 1 {
		t.Errorf("%+v, logged %q", stats, log.lines(slog.LevelWarn))
	}
}

// TestReplicaReadOnly makes Redis a replica of one that does not exist, as after a failover to
// another.
func TestReplicaReadOnly(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithReplicas(1), WithTimeout(time.Second))
	awaitBack(t, l, log)
	s.Do("REPLICAOF", "127.0.0.1", "1")
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 5, Key: runtime.ByPrincipal})
	awaitAway(t, l, log)
	if n := allowed(t, r, "ada", 20); n != 5 {
		t.Errorf("%d calls are allowed, want the share", n)
	}
	s.Do("REPLICAOF", "NO", "ONE")
	awaitBack(t, l, log)
}

// TestOutOfMemory lets Redis have no memory for further keys.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithReplicas(1), WithTimeout(time.Second))
	awaitBack(t, l, log)
	s.Do("CONFIG", "SET", "maxmemory", "1")
	awaitAway(t, l, log)
	if lines := log.lines(slog.LevelWarn); !strings.Contains(lines[len(lines)-1], "OOM") {
		t.Errorf("logged %q, want what Redis says", lines)
	}
	s.Do("CONFIG", "SET", "maxmemory", "0")
	awaitBack(t, l, log)
}

// TestBusyScript runs a script of somebody else that does not end.
func TestBusyScript(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	s := redistest.Start(t, "--busy-reply-threshold", "100")
	l, log := newLimiter(t, s.Client(), WithReplicas(1), WithTimeout(time.Second))
	awaitBack(t, l, log)
	blocked := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, ReadTimeout: time.Minute})
	defer blocked.Close()
	ended := make(chan error, 1)
	go func() { ended <- blocked.Eval(context.Background(), "while true do end", nil).Err() }()
	awaitAway(t, l, log)
	redistest.Until(t, "the script is killed", func() bool {
		client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, ReadTimeout: time.Minute})
		defer client.Close()
		return client.ScriptKill(context.Background()).Err() == nil
	})
	<-ended
	awaitBack(t, l, log)
}

// TestPoolIsExhausted has other commands hold all connections of the client.
func TestPoolIsExhausted(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), PoolSize: 2})
	t.Cleanup(func() { client.Close() })
	l, log := newLimiter(t, client, WithReplicas(1), WithTimeout(100*time.Millisecond))
	awaitBack(t, l, log)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { client.BLPop(ctx, 2*time.Second, "nothing") })
	}
	r := bind(l, "M", runtime.Rate{PerSecond: 1e6, Burst: 1e6})
	began := time.Now()
	redistest.Until(t, "Redis counts as away", func() bool { take(t, r, ""); return isAway(l) })
	t.Logf("noticed after %v", time.Since(began))
	cancel()
	wg.Wait()
	redistest.Until(t, "Redis is back", func() bool { take(t, r, ""); return !isAway(l) })
}

// TestHostileServers has servers reply what they should not, or nothing. No call may wait longer
// than the timeout, be allowed beyond the share, or panic.
func TestHostileServers(t *testing.T) {
	for name, reply := range map[string]string{
		"loading":              "-LOADING Redis is loading the dataset in memory\r\n",
		"read only":            "-READONLY You can't write against a read only replica.\r\n",
		"no password":          "-NOAUTH Authentication required.\r\n",
		"no permission":        "-NOPERM this user has no permissions to run the 'evalsha' command\r\n",
		"no scripts":           "-ERR unknown command 'evalsha'\r\n",
		"no such script, ever": "-NOSCRIPT No matching script. Please use EVAL.\r\n",
		"cluster is down":      "-CLUSTERDOWN The cluster is down\r\n",
		"a node of a cluster":  "-MOVED 3999 127.0.0.1:1\r\n",
		"moving":               "-ASK 3999 127.0.0.1:1\r\n",
		"master is down":       "-MASTERDOWN Link with MASTER is down\r\n",
		"another integer":      ":1\r\n",
		"a negative integer":   ":-1\r\n",
		"a rate that is none":  "*2\r\n:3\r\n:100\r\n",
		"rate 0":               "*2\r\n:0\r\n:100\r\n",
		"a negative wait":      "*2\r\n:1\r\n:-100\r\n",
		"too few numbers":      "*1\r\n:1\r\n",
		"no number":            "*2\r\n$1\r\nx\r\n:1\r\n",
		"nil":                  "$-1\r\n",
		"a text":               "$2\r\nOK\r\n",
		"a status":             "+OK\r\n",
		"a long error":         "-ERR " + strings.Repeat("x", 1<<16) + "\r\n",
		"a long text":          "$65536\r\n" + strings.Repeat("x", 1<<16) + "\r\n",
		"an empty error":       "-\r\n",
		"garbage":              "\x00\xff\x17 HTTP/1.1 400 Bad Request\r\n\r\n",
		"half a reply":         "*2\r\n:1\r\n",
		"a huge bulk":          "$536870912\r\nx",
		"a negative array":     "*-5\r\n",
		"nothing":              "",
		"the end":              "EOF",
		"text without an end":  "+" + strings.Repeat("x", 1<<16),
		"a deep array":         strings.Repeat("*1\r\n", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noLeaks(t)
			client := redis.NewClient(&redis.Options{Addr: hostile(t, reply), Protocol: 2, DisableIdentity: true, ReadTimeout: 300 * time.Millisecond, MaxRetries: 1})
			t.Cleanup(func() { client.Close() })
			const timeout = 200 * time.Millisecond
			l, log := newLimiter(t, client, WithReplicas(2), WithTimeout(timeout))
			r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 6, Key: runtime.ByPrincipal}, runtime.Rate{PerSecond: 1e6, Burst: 1e6})
			began := time.Now()
			if n := allowed(t, r, "ada", 500); n != 3 {
				t.Errorf("%d calls are allowed, want the share of 3", n)
			}
			if took := time.Since(began); took > 500*timeout/4 {
				t.Errorf("500 calls took %v", took)
			}
			awaitAway(t, l, log)
			if lines := log.lines(slog.LevelWarn); len(lines[0]) > 1<<10 {
				t.Errorf("a log record of %d bytes", len(lines[0]))
			}
		})
	}
}

// hostile serves a reply to everything that clients send: "" is none, and "EOF" closes.
func hostile(t *testing.T, reply string) string {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); lis.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			conns.Go(func() {
				defer conn.Close()
				buf := make([]byte, 1<<16)
				for reply != "EOF" {
					if _, err := conn.Read(buf); err != nil {
						return
					}
					if _, err := conn.Write([]byte(reply)); err != nil {
						return
					}
				}
			})
		}
	})
	return lis.Addr().String()
}

// slowProxy delays what a server replies.
type slowProxy struct {
	lis   net.Listener
	delay atomic.Int64
}

func startProxy(t *testing.T, target string) *slowProxy {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &slowProxy{lis: lis}
	var conns sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); lis.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			from, err := lis.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", target)
			if err != nil {
				from.Close()
				continue
			}
			context.AfterFunc(ctx, func() { from.Close(); to.Close() })
			conns.Go(func() { p.copy(to, from, false) })
			conns.Go(func() { p.copy(from, to, true) })
		}
	})
	return p
}

func (p *slowProxy) copy(to, from net.Conn, late bool) {
	defer to.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if late {
			time.Sleep(time.Duration(p.delay.Load()))
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestSlowRedis has Redis reply later than calls wait. Callers must not pay for that each time.
func TestSlowRedis(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	s := redistest.Start(t)
	proxy := startProxy(t, s.Addr())
	client := redis.NewClient(&redis.Options{Addr: proxy.lis.Addr().String()})
	t.Cleanup(func() { client.Close() })
	const timeout = 200 * time.Millisecond
	l, log := newLimiter(t, client, WithTimeout(timeout))
	awaitBack(t, l, log)
	proxy.delay.Store(int64(3 * timeout))
	awaitAway(t, l, log)
	back := len(log.lines(slog.LevelInfo))
	r := bind(l, "M", runtime.Rate{PerSecond: 1e6, Burst: 1e6})
	var took time.Duration // without the pauses, which are longer on a busy machine
	for range 1000 {
		began := time.Now()
		take(t, r, "")
		took += time.Since(began)
		time.Sleep(time.Millisecond)
	}
	if took > 1000*timeout/5 {
		t.Errorf("1000 calls took %v while Redis is slow", took)
	}
	if n := len(log.lines(slog.LevelInfo)); n > back || !isAway(l) {
		t.Errorf("a slow Redis counts as back: %q", log.lines(slog.LevelInfo))
	}
	proxy.delay.Store(0)
	awaitBack(t, l, log)
}

// TestProbes counts the probes while Redis is away and calls are many.
func TestProbes(t *testing.T) {
	noLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		var probes, parallel, most atomic.Int64
		c := &circuit{
			timeout: time.Second, logger: new(records).logger(), counts: new(counts), epoch: time.Now(),
			probe: func() error {
				probes.Add(1)
				most.Store(max(most.Load(), parallel.Add(1)))
				time.Sleep(10 * time.Millisecond)
				parallel.Add(-1)
				return errors.New("away")
			},
		}
		era, _ := c.closed(time.Now())
		var wg sync.WaitGroup
		began := time.Now()
		for range 8 {
			wg.Go(func() {
				c.fail(era, errLate)
				for time.Since(began) < time.Second {
					c.closed(time.Now())
					time.Sleep(100 * time.Microsecond)
				}
			})
		}
		wg.Wait()
		redistest.Until(t, "the probe ends", func() bool { return parallel.Load() == 0 })
		if most.Load() != 1 || probes.Load() < 2 || probes.Load() > 6 {
			t.Errorf("%d probes in a second, %d at a time", probes.Load(), most.Load())
		}
	})
}

// TestFlapping checks that a Redis that comes and goes is logged less and less.
func TestFlapping(t *testing.T) {
	log, n := new(records), new(counts)
	c := &circuit{timeout: time.Second, logger: log.logger(), counts: n, epoch: time.Now(), probe: func() error { return nil }}
	began := time.Now()
	for time.Since(began) < time.Second {
		if era, ok := c.closed(time.Now()); ok {
			c.fail(era, errLate)
		}
		time.Sleep(time.Millisecond)
	}
	redistest.Until(t, "the probe ends", func() bool { _, ok := c.closed(time.Now()); return ok })
	if lines := log.lines(slog.LevelWarn); len(lines) > 12 {
		t.Errorf("%d records in a second", len(lines))
	}
	t.Logf("%d outages, %d records", n.outages.Load(), len(log.lines(slog.LevelWarn)))
}

// TestLateFailures checks that requests of before an outage do not start another.
func TestLateFailures(t *testing.T) {
	n := new(counts)
	c := &circuit{timeout: time.Second, logger: new(records).logger(), counts: n, epoch: time.Now(), probe: func() error { return nil }}
	era, _ := c.closed(time.Now())
	c.fail(era, errLate)
	redistest.Until(t, "the probe ends", func() bool { _, ok := c.closed(time.Now()); return ok })
	for range 10 {
		c.fail(era, errLate)
	}
	if _, ok := c.closed(time.Now()); !ok || n.outages.Load() != 1 || n.away.Load() != 0 {
		t.Errorf("%d outages, away %d", n.outages.Load(), n.away.Load())
	}
}

// hook is a hook of a client that does what a test says.
type hook struct {
	redis.Hook
	process func(cmd redis.Cmder) error
}

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := h.process(cmd); err != nil {
			return err
		}
		return next(ctx, cmd)
	}
}

// TestPanics has hooks of the client and the log panic.
func TestPanics(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	client := s.Client()
	client.AddHook(hook{process: func(redis.Cmder) error { panic("hook") }})
	l, err := New(client, WithReplicas(1), WithLogger(slog.New(panicking{})))
	if err != nil {
		t.Fatal(err)
	}
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 5})
	if n := allowed(t, r, "", 100); n != 5 {
		t.Errorf("%d calls are allowed, want 5", n)
	}
	r.GiveBack(t.Context(), "")
}

type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool { panic("log") }

// TestClosedClient checks that calls after the client was closed are limited.
func TestClosedClient(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	s := redistest.Start(t)
	client := s.Client()
	l, _ := newLimiter(t, client, WithReplicas(1))
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 5})
	client.Close()
	if n := allowed(t, r, "", 100); n != 5 {
		t.Errorf("%d calls are allowed, want 5", n)
	}
}

// TestInFlight bounds the requests that nobody waits for any longer.
func TestInFlight(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	client := s.Client()
	release := make(chan struct{})
	var sent atomic.Int64
	client.AddHook(hook{process: func(redis.Cmder) error { sent.Add(1); <-release; return nil }})
	q := newRequester(client)
	var busy atomic.Int64
	var wg sync.WaitGroup
	for range 2 * maxInFlight {
		wg.Go(func() {
			if _, err := q.ask(t.Context(), 500*time.Millisecond, []string{"key"}, nil); err == errBusy {
				busy.Add(1)
			}
		})
	}
	wg.Wait()
	if n := sent.Load(); n > maxInFlight || busy.Load() < maxInFlight {
		t.Errorf("%d requests at a time, %d calls without one; want at most %d requests", n, busy.Load(), maxInFlight)
	}
	close(release)
}
