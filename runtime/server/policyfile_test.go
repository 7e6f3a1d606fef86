package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// policyFile is a policy file of a test.
type policyFile struct {
	t    *testing.T
	path string
}

func newPolicyFile(t *testing.T, content string) policyFile {
	t.Helper()
	f := policyFile{t, filepath.Join(t.TempDir(), "policy.json")}
	f.write(content)
	return f
}

// write replaces the file by a rename.
func (f policyFile) write(content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".new", []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

// becomeDirectory replaces the file at once: a file that is missing when it is checked would be
// another error.
func (f policyFile) becomeDirectory() {
	f.t.Helper()
	if err := os.Symlink(f.t.TempDir(), f.path+".new"); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

// forAll is a file with one policy for all methods of the echo service.
func forAll(policy string) string { return `{"test.v1.Echo/*": ` + policy + `}` }

// watched is a server of the echo service with a policy file.
type watched struct {
	*echotest.Running
	policyFile
	log *echotest.Records
}

func startWatched(t *testing.T, table runtime.Policy, content string, do func(context.Context) error, opts ...server.Option) watched {
	t.Helper()
	w := watched{policyFile: newPolicyFile(t, content), log: new(echotest.Records)}
	w.Running = echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(table), echotest.Behaving(do))
	}, append([]server.Option{server.WithPolicyFile(w.path), server.WithLogger(w.log.Logger(slog.LevelInfo))}, opts...)...)
	return w
}

// change writes the file and has the server read it.
func (w watched) change(content string) {
	w.t.Helper()
	w.write(content)
	if err := server.CheckPolicyFile(w.Server); err != nil {
		w.t.Fatalf("%s: %v", content, err)
	}
}

// call calls one kind of method without a deadline of its own.
func (w watched) call(kind string) error {
	return echotest.Kinds[kind](echotest.Context(w.t), w.Conn)
}

func succeeds(context.Context) error { return nil }

// TestPolicyFileAtStart holds that Run returns what is wrong with the file, and where.
func TestPolicyFileAtStart(t *testing.T) {
	for content, want := range map[string]string{
		`{`: "policy.json:1:1: the configuration is not a JSON object of policies by method: ",
		"":  "policy.json:1:1: the configuration is not a JSON object of policies by method: ",
		"{\n  \"test.v1.Echo/One\": {\"speed\": 1}\n}":                                           `policy.json:2:24: test.v1.Echo/One: unknown field "speed"`,
		"{\n  \"test.v1.Echo/Uno\": {}}":                                                         `policy.json:2:3: the server has no method test.v1.Echo/Uno`,
		"{\n\n  \"test.v1.Echo/One\": {\n\"timeout\": {\"default\": \"soon\"}}}":                 `policy.json:4:13: test.v1.Echo/One for test.v1.Echo/One: timeout.default: "soon" is not a duration`,
		`{"test.v1.Echo/Many": {"timeout": {"default": "1s"}}}`:                                  `policy.json:1:24: test.v1.Echo/Many for test.v1.Echo/Many: timeout: default and max are for methods without a stream`,
		`{"test.v1.Echo/*": {"rate": [{"perSecond": 1}, {"burst": 1}]}}`:                         `policy.json:1:48: test.v1.Echo/*: rate[1].per_second: it is not set`,
		`{"test.v1.Echo/One": {}, "test.v1.Echo/One": {}}`:                                       `policy.json:1:26: test.v1.Echo/One: its policy is overridden twice`,
		"{\"test.v1.Echo/One\": {},\n\"test.v1.Echo/Many\": {\"timeout\": {}, \"timeout\": {}}}": `policy.json:2:38: test.v1.Echo/Many: duplicate field "timeout"`,
	} {
		f := newPolicyFile(t, content)
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithPolicyFile(f.path))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
		err := srv.Run(echotest.Context(t), "127.0.0.1:0")
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), want) {
			t.Errorf("%s: Run returned\n%v, want\n%q", content, err, want)
		}
	}
	dir := t.TempDir()
	for name, test := range map[string]struct {
		opts []server.Option
		want string
	}{
		"no file":     {[]server.Option{server.WithPolicyFile(dir + "/none.json")}, "none.json: no such file"},
		"a directory": {[]server.Option{server.WithPolicyFile(dir)}, "not a regular file"},
		"two files":   {[]server.Option{server.WithPolicyFile("a"), server.WithPolicyFile("b")}, `WithPolicyFile("b"): there is a policy file already, "a"`},
		"no decoder":  {[]server.Option{server.WithPolicyFile("a", nil)}, `WithPolicyFile("a"): pass one function`},
	} {
		if err := server.New(test.opts...).Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestPolicyFileChangesOptions changes each option that may change, while calls run, for all kinds
// of methods.
func TestPolicyFileChangesOptions(t *testing.T) {
	for kind := range echotest.Kinds {
		t.Run(kind, func(t *testing.T) {
			var slow atomic.Bool
			w := startWatched(t, runtime.Policy{}, `{}`, func(ctx context.Context) error {
				if slow.Load() {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
			load := background(t, w, kind)
			expect := func(what string, code codes.Code) {
				t.Helper()
				if err := w.call(kind); status.Code(err) != code {
					t.Errorf("%s: %v, want %v", what, err, code)
				}
			}
			expect("at first", codes.OK)
			w.change(forAll(`{"rate": [{"perSecond": 0.001, "key": "KEY_PEER"}]}`))
			_ = w.call(kind)
			expect("a rate of peers", codes.ResourceExhausted)
			w.change(forAll(`{"rate": [{"perSecond": 0.001}]}`))
			_ = w.call(kind)
			expect("a rate of the method", codes.ResourceExhausted)
			w.change(`{}`)
			expect("without rates", codes.OK)
			load.stop()

			slow.Store(true)
			w.change(forAll(`{"timeout": {"default": "30ms", "max": "30ms", "total": "30ms"}}`))
			expect("a timeout", codes.DeadlineExceeded)
			if kind != "One" {
				w.change(forAll(`{"timeout": {"idle": "30ms"}}`))
				expect("an idle time", codes.DeadlineExceeded)
			}
			w.change(`{}`)
			slow.Store(false)

			w.log.Reset()
			w.change(forAll(`{"log": {"sample": 0}}`))
			expect("without a record", codes.OK)
			w.change(forAll(`{"log": {"level": "LEVEL_ERROR"}}`))
			expect("with a record", codes.OK)
			if err := w.Stop(); err != nil {
				t.Error(err)
			}
			records := w.log.Named(t, "rpc")
			if len(records) != 1 || records[0]["level"] != "ERROR" {
				t.Errorf("records %v, want one with the level ERROR", records)
			}
		})
	}
}

// load makes calls until it is stopped.
type load struct{ stop func() }

func background(t *testing.T, w watched, kind string) load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = echotest.Kinds[kind](ctx, w.Conn)
			}
		})
	}
	l := load{sync.OnceFunc(func() { cancel(); wg.Wait() })}
	t.Cleanup(l.stop)
	return l
}

// TestPolicyFileKeepsRunningCalls holds that a call keeps its place and its time limits when they
// change, and that a limit of concurrency counts calls that started before it was set.
func TestPolicyFileKeepsRunningCalls(t *testing.T) {
	for kind := range echotest.Kinds {
		t.Run(kind, func(t *testing.T) {
			entered, release := make(chan struct{}, 10), make(chan struct{})
			w := startWatched(t, runtime.Policy{}, forAll(`{"timeout": {"default": "1h", "total": "1h"}}`), func(ctx context.Context) error {
				entered <- struct{}{}
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			calls := make(chan error, 10)
			start := func() { go func() { calls <- w.call(kind) }() }
			start()
			start()
			echotest.Within(t, entered)
			echotest.Within(t, entered)
			w.change(forAll(`{"concurrency": {"limit": 2}}`))
			if err := w.call(kind); status.Code(err) != codes.Unavailable {
				t.Errorf("a third call: %v, want UNAVAILABLE", err)
			}
			w.change(forAll(`{"concurrency": {"limit": 1},
				"timeout": {"default": "20ms", "total": "20ms"}}`))
			w.change(forAll(`{"concurrency": {"limit": 3}}`))
			start()
			echotest.Within(t, entered)
			time.Sleep(50 * time.Millisecond) // more than the timeout that is not theirs
			w.change(`{}`)
			start()
			echotest.Within(t, entered)
			if got := server.PlacesTaken(w.Server, "/test.v1.Echo/"+kind); got != 4 {
				t.Errorf("%d calls have a place, want 4", got)
			}
			close(release)
			for range 4 {
				if err := echotest.Within(t, calls); err != nil {
					t.Errorf("a running call: %v", err)
				}
			}
			if err := w.Stop(); err != nil {
				t.Error(err)
			}
			if got := server.PlacesTaken(w.Server, "/test.v1.Echo/"+kind); got != 0 {
				t.Errorf("%d calls have a place at the end", got)
			}
		})
	}
}

// TestPolicyFileAdmitsWaitingCalls raises a limit of concurrency for which calls wait.
func TestPolicyFileAdmitsWaitingCalls(t *testing.T) {
	gate := newGate()
	limited := forAll(`{"concurrency": {"limit": 2, "maxWait": "1m"}}`)
	w := startWatched(t, runtime.Policy{}, limited, gate.pass)
	calls := make(chan error, 4)
	for range 4 {
		go func() { calls <- w.call("One") }()
	}
	echotest.Within(t, gate.entered)
	echotest.Within(t, gate.entered)
	w.change(forAll(`{"concurrency": {"limit": 3, "maxWait": "1m"}}`))
	echotest.Within(t, gate.entered)
	w.change(`{}`)
	echotest.Within(t, gate.entered)
	close(gate.open)
	for range 4 {
		if err := echotest.Within(t, calls); err != nil {
			t.Error(err)
		}
	}
}

// TestPolicyFileGivesNoFreshBurst changes a rate that is used up, and touches the file.
func TestPolicyFileGivesNoFreshBurst(t *testing.T) {
	for _, key := range []string{"KEY_METHOD", "KEY_PRINCIPAL", "KEY_PEER"} {
		rates := func(perSecond float64, burst int) string {
			return forAll(fmt.Sprintf(`{"rate": [{"perSecond": %v, "burst": %d, "key": %q}]}`, perSecond, burst, key))
		}
		w := startWatched(t, runtime.Policy{}, rates(0.001, 3), succeeds)
		for range 3 {
			if err := w.call("One"); err != nil {
				t.Fatal(err)
			}
		}
		for _, content := range []string{
			rates(0.001, 3) + "\n", rates(0.002, 3), rates(0.001, 1), rates(0.001, 50),
			forAll(fmt.Sprintf(`{"rate": [{"perSecond": 5, "key": "KEY_METHOD"}, {"perSecond": 0.01, "burst": 9, "key": %q}]}`, key)),
			forAll(fmt.Sprintf(`{"log": {"sample": 0.5}, "rate": [{"perSecond": 0.01, "burst": 9, "key": %q}]}`, key)),
		} {
			if key == "KEY_METHOD" && strings.Contains(content, `"perSecond": 5`) {
				continue // which one of two is the old one cannot be told
			}
			w.change(content)
			if err := w.call("One"); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("%s, %s: %v, want RESOURCE_EXHAUSTED", key, content, err)
			}
		}
		w.change(rates(1000, 50))
		if err := w.call("One"); err != nil && status.Code(err) != codes.ResourceExhausted {
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond)
		if err := w.call("One"); err != nil {
			t.Errorf("%s: at 1000 calls a second: %v", key, err)
		}
	}
}

// TestWrongPolicyFiles holds that a file that is wrong changes nothing and is logged once, and that
// the next one is used.
func TestWrongPolicyFiles(t *testing.T) {
	table := runtime.Policy{Retry: runtime.Retry{MaxAttempts: 3, InitialBackoff: 1, MaxBackoff: 1, Multiplier: 1, Codes: []string{"UNAVAILABLE"}},
		Idempotency: runtime.NoSideEffects}
	const limited = `{"test.v1.Echo/One": {"rate": [{"perSecond": 0.001}], "auth": {"public": true}}}`
	for name, test := range map[string]struct {
		break_ func(policyFile)
		want   string
	}{
		"bad JSON":       {content(`{"test.v1.Echo/One": {,}}`), "policy.json:1:23: the configuration is not"},
		"half-written":   {content(limited[:40]), "policy.json:1:40: the configuration is not a JSON object of policies by method: unexpected EOF"},
		"empty":          {content(""), "the configuration is not a JSON object of policies by method: EOF"},
		"null":           {content("null"), "it does not begin with {"},
		"a duplicate":    {content(`{"test.v1.Echo/One": {}, "test.v1.Echo/One": {}}`), "policy.json:1:26: test.v1.Echo/One: its policy is overridden twice"},
		"unknown method": {content(`{"test.v1.Echo/*": {}, "test.v1.Echo/Uno": {}}`), "policy.json:1:24: the server has no method test.v1.Echo/Uno"},
		"unknown field":  {content("{\"test.v1.Echo/One\":\n {\"speed\": 1}}"), `policy.json:2:3: test.v1.Echo/One: unknown field "speed"`},
		"a wrong value":  {content(`{"test.v1.Echo/One": {"rate": [{"perSecond": -1}]}}`), "policy.json:1:33: test.v1.Echo/One for test.v1.Echo/One: rate[0].per_second: -1 is out of range"},
		"auth":           {content(`{"test.v1.Echo/One": {"auth": {}}}`), "policy.json:1:23: auth of test.v1.Echo/One cannot change while the server runs; restart the server, or undo this change"},
		"auth removed":   {content(`{"test.v1.Echo/One": {}}`), "policy.json: auth of test.v1.Echo/One cannot change while the server runs"},
		"retry":          {content(limited[:len(limited)-1] + ",\n\"test.v1.Echo/Many\": {\"retry\": {\"maxAttempts\": 2}}}"), "policy.json:2:33: retry.max_attempts of test.v1.Echo/Many cannot change"},
		"permission":     {content(limited[:len(limited)-1] + `, "test.v1.Echo/Chat": {"permission": {"name": "echo.chat", "resource": "value"}}}`), "permission.name of test.v1.Echo/Chat cannot change"},
		"validation":     {content(limited[:len(limited)-1] + `, "test.v1.Echo/Join": {"maxRequestBytes": "5"}}`), "max_request_bytes of test.v1.Echo/Join cannot change"},
		"wrong and good": {content(`{"test.v1.Echo/One": {"auth": {}}, "test.v1.Echo/Many": {"rate": [{"perSecond": 5}]}}`), "auth of test.v1.Echo/One cannot change"},
		"no file":        {func(f policyFile) { os.Remove(f.path) }, "no such file"},
		"a directory":    {policyFile.becomeDirectory, "not a regular file"},
		"9 MB":           {content(`{"test.v1.Echo/One": {` + strings.Repeat(" ", 9<<20) + `}}`), "larger than 8388608 bytes"},
		"many errors":    {content(`{` + strings.TrimSuffix(strings.Repeat(`"a.B/C": {"x": 1},`+"\n", 100_000), ",\n") + `}`), "and more errors"},
		"deeply nested":  {content(`{"test.v1.Echo/One": ` + strings.Repeat(`{"timeout":`, 100_000)), "policy.json:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWatched(t, table, limited, succeeds)
			if err := w.call("One"); err != nil {
				t.Fatal(err)
			}
			test.break_(w.policyFile)
			for range 3 {
				if err := server.CheckPolicyFile(w.Server); err == nil {
					t.Error("the file is accepted")
				}
			}
			if err := w.call("One"); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("the rate no longer applies: %v", err)
			}
			if err := w.call("Many"); err != nil {
				t.Errorf("another method: %v", err)
			}
			w.change(`{"test.v1.Echo/One": {"auth": {"public": true}}}`)
			if err := w.call("One"); err != nil {
				t.Errorf("a file that is right afterwards is not used: %v", err)
			}
			if err := w.Stop(); err != nil {
				t.Error(err)
			}
			records := w.log.Named(t, "policy file rejected; the policies stay as they are")
			if len(records) != 1 || records[0]["file"] != w.path {
				t.Fatalf("%d records", len(records))
			}
			text := strings.ReplaceAll(fmt.Sprint(records[0]["error"]), "\u00a0", " ")
			if !strings.Contains(text, test.want) || len(text) > 4_000 {
				t.Errorf("the log has %.4000s, want %q", text, test.want)
			}
			if again := w.log.Named(t, "policy file accepted again"); len(again) != 1 {
				t.Errorf("%d records say that the file is accepted again", len(again))
			}
		})
	}
}

// content returns a function that replaces a file.
func content(text string) func(policyFile) { return func(f policyFile) { f.write(text) } }

// TestPolicyFileWrittenInPlace reads a file while it is written, as no rename protects it. What is
// in effect is always a whole file.
func TestPolicyFileWrittenInPlace(t *testing.T) {
	// A long file, of which the first and the last entry belong together.
	version := func(n int) string {
		return fmt.Sprintf(`{"test.v1.Echo/One": {"timeout": {"default": "%dm"}},%s "test.v1.Echo/Many": {"timeout": {"total": "%dm"}}}`,
			n, strings.Repeat(" ", 200_000*(n%3)), n)
	}
	timeouts := make(chan time.Duration, 2)
	w := startWatched(t, runtime.Policy{}, version(1), func(ctx context.Context) error {
		c, _ := runtime.CallFromContext(ctx)
		timeouts <- c.Method().Policy.Timeout + c.Method().Policy.TotalTimeout
		return nil
	})
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	wg.Go(func() {
		for n := 1; !stop.Load(); n = n%9 + 1 {
			_ = os.WriteFile(w.path, []byte(version(n)), 0o600)
			time.Sleep(time.Millisecond)
		}
	})
	accepted, rejected := 0, 0
	for range 200 {
		if err := server.CheckPolicyFile(w.Server); err == nil {
			accepted++
		} else if rejected++; !strings.Contains(err.Error(), "is not a JSON object") && !strings.Contains(err.Error(), "changes while it is read") {
			t.Error(err)
		}
		for again := 1; ; again++ { // the server may read the file between two calls, once a second
			if err := errors.Join(w.call("One"), w.call("Many")); err != nil {
				t.Fatal(err)
			}
			one, many := <-timeouts, <-timeouts
			if one == many && one >= time.Minute && one <= 9*time.Minute {
				break
			} else if again == 5 {
				t.Fatalf("the timeouts are %v and %v, of different files", one, many)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d accepted, %d rejected", accepted, rejected)
	w.change(version(9))
}

// TestPolicyFileLogsChanges holds that each option that changes has one record.
func TestPolicyFileLogsChanges(t *testing.T) {
	w := startWatched(t, runtime.Policy{Timeout: time.Second}, `{}`, succeeds)
	w.change(forAll(`{"timeout": {"default": "2s", "total": "1m"}, "log": {"sample": 0.5}}`))
	w.change(forAll(`{"timeout": {"default": "2s", "total": "1m"}, "log": {"sample": 0.5}}` + "\n"))
	w.change(`{"test.v1.Echo/One": {"rate": [{"perSecond": 5, "key": "KEY_PEER"}]}}`)
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, r := range w.log.Named(t, "policy changed") {
		got = append(got, fmt.Sprintf("%v %v: %v -> %v", r["method"], r["option"], r["old"], r["new"]))
	}
	one, many := "test.v1.Echo/One ", "test.v1.Echo/Many "
	for _, want := range []string{
		one + "timeout.default: 1s -> 2s", one + "log.sample: unset -> 0.5", many + "timeout.total: unset -> 1m0s",
		many + "timeout.total: 1m0s -> unset", one + "timeout.default: 2s -> 1s", one + "log.sample: 0.5 -> unset",
		one + "rate: unset -> [{per_second: 5, burst: 5, key: KEY_PEER}]",
	} {
		if n := strings.Count(strings.Join(got, "\n")+"\n", want+"\n"); n != 1 {
			t.Errorf("%d records of %s", n, want)
		}
	}
	if len(got) != 2*(2+3*2)+1 {
		t.Errorf("%d records:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestPolicyFileOverWithPolicy holds that the file takes precedence, and what is under it is back
// when its entry is removed.
func TestPolicyFileOverWithPolicy(t *testing.T) {
	p := make(chan time.Duration, 1)
	w := startWatched(t, runtime.Policy{Timeout: time.Minute}, forAll(`{"timeout": {"default": "3m"}}`), func(ctx context.Context) error {
		c, _ := runtime.CallFromContext(ctx)
		p <- c.Method().Policy.Timeout
		return nil
	}, server.WithPolicy([]byte(`{"test.v1.Echo/One": {"timeout": {"default": "2m"}}}`)))
	for _, step := range []struct {
		content string
		want    time.Duration
	}{
		{"", 3 * time.Minute}, {`{}`, 2 * time.Minute},
		{`{"test.v1.Echo/*": {"timeout": {"default": "0s"}}}`, runtime.None},
		{`{"test.v1.Echo/*": {"timeout": {"default": "5m"}}, "test.v1.Echo/One": {"timeout": {"default": "4m"}}}`, 4 * time.Minute},
	} {
		if step.content != "" {
			w.change(step.content)
		}
		if err := w.call("One"); err != nil {
			t.Fatal(err)
		}
		if got := <-p; got != step.want {
			t.Errorf("%s: %v, want %v", step.content, got, step.want)
		}
	}
}

// TestPolicyFileIsWatched changes the file of an idle server as Kubernetes does: the directory that
// a symbolic link names is another one.
func TestPolicyFileIsWatched(t *testing.T) {
	dir := t.TempDir()
	put := func(version, content string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "policy.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Symlink(version, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	put("1", `{}`)
	path := filepath.Join(dir, "policy.json")
	if err := os.Symlink("..data/policy.json", path); err != nil {
		t.Fatal(err)
	}
	before, log := goruntime.NumGoroutine(), new(echotest.Records)
	srv := echotest.Start(t, echotest.Behaving(succeeds), server.WithPolicyFile(path), server.WithLogger(log.Logger(slog.LevelInfo)))
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Fatal(err)
	}
	put("2", forAll(`{"log": {"sample": 0.5}}`))
	wait(t, "the change is noticed", func() bool { return len(log.Named(t, "policy changed")) == 4 })
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	srv.Conn.Close()
	wait(t, "all goroutines end", func() bool { return goruntime.NumGoroutine() <= before })
}

// wait waits up to 30 seconds.
func wait(t *testing.T, until string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %s within 30 seconds", until)
		}
	}
}

// TestPolicyFileOnOwnServer has the calls of a grpc.Server notice a change.
func TestPolicyFileOnOwnServer(t *testing.T) {
	f, log := newPolicyFile(t, `{"unknown/unknown": {}, "test.v1.Echo/Uno": {}}`), new(echotest.Records)
	own := grpc.NewServer()
	on := server.On(own, server.WithPolicyFile(f.path), server.WithLogger(log.Logger(slog.LevelInfo)))
	server.Register[echotest.Service](on, echotest.Table, echotest.Behaving(succeeds))
	conn := echotest.ServeGRPC(t, own)
	call := func() error { return echotest.Kinds["One"](echotest.Context(t), conn) }
	if err := call(); err != nil {
		t.Fatal(err)
	}
	wait(t, "an entry without effect is logged", func() bool { return len(log.Named(t, "policies without effect")) == 1 })
	f.write(`{"test.v1.Echo/One": {"rate": [{"perSecond": 0.001}]}}`)
	wait(t, "the rate applies", func() bool { return status.Code(call()) == codes.ResourceExhausted })
	f.write(`{"test.v1.Echo/One": {"auth": {}}}`)
	wait(t, "a wrong file is rejected", func() bool {
		return status.Code(call()) == codes.ResourceExhausted && len(log.Named(t, "policy file rejected; the policies stay as they are")) == 1
	})
	defer func() {
		if recover() == nil {
			t.Error("On accepts a file that does not exist")
		}
	}()
	server.On(grpc.NewServer(), server.WithPolicyFile(f.path+".none"))
}

// TestPolicyFileOfUnknownMethods limits how often unknown methods are called.
func TestPolicyFileOfUnknownMethods(t *testing.T) {
	w := startWatched(t, runtime.Policy{}, `{"unknown/unknown": {"rate": [{"perSecond": 0.001, "burst": 2}]}}`, succeeds)
	call := func() codes.Code {
		return status.Code(w.Conn.Invoke(echotest.Context(t), "/a.B/C", wrapperspb.String(""), new(text)))
	}
	for i, want := range []codes.Code{codes.Unimplemented, codes.Unimplemented, codes.ResourceExhausted} {
		if got := call(); got != want {
			t.Errorf("call %d: %v, want %v", i, got, want)
		}
	}
	w.change(`{}`)
	if got := call(); got != codes.Unimplemented {
		t.Errorf("without the rate: %v", got)
	}
}

// TestPolicyFileOfUnknownMethodsOnOwnServer does the same with GRPCOptions: there, other options
// serve unknown methods than registered ones.
func TestPolicyFileOfUnknownMethodsOnOwnServer(t *testing.T) {
	f, log := newPolicyFile(t, `{"test.v1.Echo/One": {}}`), new(echotest.Records)
	opts := []server.Option{server.WithPolicyFile(f.path), server.WithLogger(log.Logger(slog.LevelInfo))}
	own := grpc.NewServer(server.GRPCOptions(opts...)...)
	server.Register[echotest.Service](server.On(own, opts...), echotest.Table, echotest.Behaving(succeeds))
	conn := echotest.ServeGRPC(t, own)
	call := func() codes.Code {
		if err := echotest.Kinds["One"](echotest.Context(t), conn); err != nil {
			t.Fatal(err)
		}
		return status.Code(conn.Invoke(echotest.Context(t), "/a.B/C", wrapperspb.String(""), new(text)))
	}
	if got := call(); got != codes.Unimplemented {
		t.Fatal(got)
	}
	f.write(`{"test.v1.Echo/One": {"log": {"sample": 0}}, "unknown/unknown": {"rate": [{"perSecond": 0.001}]}}`)
	wait(t, "the rate applies", func() bool { return call() == codes.ResourceExhausted })
	wait(t, "the changes are logged", func() bool { return len(log.Named(t, "policy changed")) == 2 })
	f.write(`{`)
	wait(t, "the file is rejected", func() bool {
		call()
		return len(log.Named(t, "policy file rejected; the policies stay as they are")) > 0
	})
	if records := log.Named(t, "policy file rejected; the policies stay as they are"); len(records) != 1 {
		t.Errorf("%d records", len(records))
	}
}

// TestPolicyFileInAnotherFormat decodes a file that is not JSON.
func TestPolicyFileInAnotherFormat(t *testing.T) {
	f, log := newPolicyFile(t, "#{}"), new(echotest.Records)
	decode := func(content []byte) ([]byte, error) {
		switch text := string(content); {
		case strings.HasPrefix(text, "panic"):
			panic("a fault of the decoder")
		case strings.HasPrefix(text, "error"):
			return nil, errors.New("a fault of the file")
		}
		return bytes.TrimPrefix(content, []byte("#")), nil
	}
	srv := echotest.Start(t, echotest.Behaving(succeeds), server.WithPolicyFile(f.path, decode), server.WithLogger(log.Logger(slog.LevelInfo)))
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		"panic": "policy.json: panic: a fault of the decoder", "error": "policy.json: a fault of the file",
		"#{\"x\": {}}": "the server has no method x",
	} {
		f.write(content)
		if err := server.CheckPolicyFile(srv.Server); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
	f.write("panic")
	for range 3 { // the same content is not decoded again
		if err := server.CheckPolicyFile(srv.Server); err == nil || !strings.Contains(err.Error(), "a fault of the decoder") {
			t.Error(err)
		}
	}
	if n := len(log.Named(t, "panic")); n < 1 || n > 2 {
		t.Error("the panic is not logged")
	}
}

// rebound is a rate limiter that records what it is bound to. It panics for a burst of 13.
type rebound struct {
	mu    sync.Mutex
	binds []string
	taken atomic.Int64 // less those given back
}

func (r *rebound) Bind(info runtime.MethodInfo, rates []runtime.Rate) server.MethodRates {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rates[0].Burst == 13 {
		panic("13")
	}
	r.binds = append(r.binds, fmt.Sprint(info.Name, rates[0].Burst, info.Policy.Rates[0].Burst))
	return &reboundRates{r, rates[0].Burst}
}

type reboundRates struct {
	*rebound
	left int
}

func (r *reboundRates) Take(context.Context, string) (int, time.Duration, error) {
	r.taken.Add(1)
	return 0, 0, nil
}
func (r *reboundRates) GiveBack(context.Context, string) { r.taken.Add(-1) }

// TestPolicyFileBindsRateLimiters holds that the user's rate limiter is bound again only for other
// rates, and that its panic leaves all policies as they are.
func TestPolicyFileBindsRateLimiters(t *testing.T) {
	limiter := new(rebound)
	rate := func(burst int) string { return fmt.Sprintf(`{"rate": [{"perSecond": 1, "burst": %d}]}`, burst) }
	w := startWatched(t, runtime.Policy{}, `{"test.v1.Echo/One": `+rate(1)+`}`, succeeds, server.WithRateLimiter(limiter))
	if err := w.call("One"); err != nil {
		t.Fatal(err)
	}
	w.change(`{"test.v1.Echo/One": {"log": {"sample": 0.5}, ` + rate(1)[1:] + `}`)
	w.change(`{"test.v1.Echo/One": ` + rate(2) + `, "test.v1.Echo/Many": ` + rate(3) + `}`)
	w.write(`{"test.v1.Echo/One": ` + rate(4) + `, "test.v1.Echo/Many": ` + rate(13) + `}`)
	if err := server.CheckPolicyFile(w.Server); err == nil || !strings.Contains(err.Error(), "panic: 13") {
		t.Errorf("a rate limiter that panics: %v", err)
	}
	w.change(`{"test.v1.Echo/One": ` + rate(2) + `, "test.v1.Echo/Many": ` + rate(5) + `}`)
	if got, want := fmt.Sprint(limiter.binds), "[One1 1 One2 2 Many3 3 One4 4 Many5 5]"; got != want {
		t.Errorf("bound to %v, want %v", got, want)
	}
}

// TestPolicyFileUnderLoad changes everything again and again while calls of all kinds run: no
// call fails for another reason than a limit, and no count is wrong at the end.
func TestPolicyFileUnderLoad(t *testing.T) {
	limiter := new(rebound)
	var ran atomic.Int64
	w := startWatched(t, runtime.Policy{}, `{}`, func(context.Context) error { ran.Add(1); return nil },
		server.WithRateLimiter(limiter), server.WithLogger(slog.New(slog.DiscardHandler)))
	contents := []string{
		`{}`, forAll(`{"concurrency": {"limit": 1}}`), forAll(`{"concurrency": {"limit": 3, "adaptive": true, "maxWait": "1ms"}}`),
		forAll(`{"rate": [{"perSecond": 5}], "concurrency": {"limit": 2, "maxWait": "1ms"}}`),
		forAll(`{"rate": [{"perSecond": 5, "key": "KEY_PEER"}, {"perSecond": 7}], "log": {"sample": 0.5}}`),
		forAll(`{"timeout": {"default": "1m", "max": "2m", "idle": "1m", "total": "2m"}, "concurrency": {"limit": 1000, "adaptive": true}}`),
	}
	var wg sync.WaitGroup
	var done atomic.Bool
	defer wg.Wait()
	defer done.Store(true)
	var called, served atomic.Int64
	for kind := range echotest.Kinds {
		for range 2 {
			wg.Go(func() {
				for !done.Load() {
					called.Add(1)
					switch err := w.call(kind); status.Code(err) {
					case codes.OK:
						served.Add(1)
					case codes.Unavailable:
					default:
						t.Errorf("%s: %v", kind, err)
						return
					}
				}
			})
		}
	}
	for i := range 120 {
		w.change(contents[i%len(contents)])
		for kind := range echotest.Kinds {
			if n := server.PlacesTaken(w.Server, "/test.v1.Echo/"+kind); n < 0 || n > 2 {
				t.Fatalf("%d calls of %s have a place", n, kind)
			}
		}
	}
	w.change(contents[0])
	done.Store(true)
	wg.Wait()
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	for kind := range echotest.Kinds {
		if n := server.PlacesTaken(w.Server, "/test.v1.Echo/"+kind); n != 0 {
			t.Errorf("%d calls of %s have a place at the end", n, kind)
		}
	}
	t.Logf("%d calls, %d served, %d counted by the rate limiter, %d binds", called.Load(), served.Load(), limiter.taken.Load(), len(limiter.binds))
	if served.Load() != ran.Load() || served.Load() == 0 {
		t.Errorf("%d calls served, the methods ran %d times", served.Load(), ran.Load())
	}
}
