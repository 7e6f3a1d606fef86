package servicetest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// LeakTimeout is how long goroutines may take to end after a test before they count as leaked.
const LeakTimeout = 2 * time.Second

// NoLeaks fails t if goroutines that t started, directly or indirectly, are still running
// [LeakTimeout] after its end, and shows their stacks. Call it first: functions that are
// registered with t.Cleanup later run before its check.
//
// It tracks goroutines by a profiler label, which they inherit, so other tests may run in
// parallel. It cannot track a goroutine that sets labels without those of its context.
func NoLeaks(t testing.TB) {
	t.Helper()
	mark := newMark()
	mark.apply()
	t.Cleanup(func() {
		pprof.SetGoroutineLabels(context.Background()) // this goroutine is no leak
		if leaked := mark.awaitNone(LeakTimeout); leaked != "" {
			t.Errorf("goroutines are still running %v after the test:\n\n%s", LeakTimeout, leaked)
		}
	})
}

// mark is a profiler label that goroutines inherit from the goroutine that starts them.
type mark string

const markKey = "servicetest"

var marks atomic.Int64

func newMark() mark { return mark(fmt.Sprintf("mark-%d", marks.Add(1))) }

// context adds the mark to the labels of ctx, for code that labels its goroutines by its context.
func (m mark) context(ctx context.Context) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels(markKey, string(m)))
}

// apply marks the calling goroutine and those that it starts from now on.
func (m mark) apply() { pprof.SetGoroutineLabels(m.context(context.Background())) }

// run calls f in a marked goroutine, and waits for it.
func (m mark) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.apply()
		f()
	}()
	<-done
}

// awaitNone waits for the marked goroutines to end. It returns the stacks of those that do not,
// or "".
func (m mark) awaitNone(timeout time.Duration) string {
	deadline := time.Now().Add(timeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		leaked := m.stacks()
		if leaked == "" || time.Now().After(deadline) {
			return leaked
		}
		time.Sleep(pause)
	}
}

// stacks returns the stacks of the marked goroutines in which one of functions occurs, or of all.
func (m mark) stacks(functions ...string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil { // a buffer takes everything
		return err.Error()
	}
	var found []string
	label := fmt.Sprintf("%q:%q", markKey, string(m))
	for entry := range strings.SplitSeq(profile.String(), "\n\n") {
		count, rest, _ := strings.Cut(entry, " @ ")
		_, rest, _ = strings.Cut(rest, "\n")
		labels, stack, _ := strings.Cut(rest, "\n")
		if strings.HasPrefix(labels, "# labels:") && strings.Contains(labels, label) && holdsAny(stack, functions) {
			found = append(found, goroutines(count)+":\n"+strings.TrimRight(tidy(stack), "\n"))
		}
	}
	return strings.Join(found, "\n\n")
}

// holdsAny reports whether a stack has one of functions; true if there are none.
func holdsAny(stack string, functions []string) bool {
	return len(functions) == 0 || slices.ContainsFunc(functions, func(name string) bool { return strings.Contains(stack, name) })
}

func goroutines(count string) string {
	if fields := strings.Fields(count); len(fields) > 0 && fields[len(fields)-1] != "1" {
		return fields[len(fields)-1] + " goroutines"
	}
	return "1 goroutine"
}

// tidy removes addresses from a stack: "#\t0x4a\tpkg.F+0x1\tfile.go:7" becomes
// "\tpkg.F\tfile.go:7".
func tidy(stack string) string {
	var b strings.Builder
	for line := range strings.Lines(stack) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			b.WriteString(line)
			continue
		}
		name, _, _ := strings.Cut(fields[2], "+0x")
		fmt.Fprintf(&b, "\t%s\n\t\t%s\n", name, fields[len(fields)-1])
	}
	return b.String()
}
