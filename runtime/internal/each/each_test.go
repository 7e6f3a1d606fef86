package each_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

func TestRangeIsARangeStatement(t *testing.T) {
	failed := errors.New("failed")
	seq := func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, nil) && yield(0, failed)
	}
	var got []int
	var ended error
	_ = each.Range(seq, nil, func(v int, err error) bool {
		got, ended = append(got, v), err
		return true
	})
	if len(got) != 3 || ended != failed {
		t.Errorf("got %v, %v", got, ended)
	}
	calls := 0
	each.Range(seq, nil, func(int, error) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("the body was called %d times after it was done", calls)
	}
}

func TestLateCallsGetFalse(t *testing.T) {
	var yield func(int, error) bool
	late := 0
	each.Range(func(y func(int, error) bool) { yield = y; y(1, nil) }, func() { late++ }, func(int, error) bool { return true })
	if yield(2, nil) || yield(3, nil) || late != 1 {
		t.Errorf("a late call got true, or was told %d times", late)
	}
	each.Range(func(y func(int, error) bool) {
		if y(1, nil) || y(2, nil) {
			t.Error("a call after the body was done got true")
		}
	}, nil, func(int, error) bool { return false })
	each.Range(func(y func(int, error) bool) { yield = y }, func() { panic("log") }, nil)
	if yield(1, nil) {
		t.Error("a late call got true")
	}
}

// TestGoroutinesMayYield checks that goroutines, some of which outlive the iterator, end only
// themselves.
func TestGoroutinesMayYield(t *testing.T) {
	for range 100 {
		var all sync.WaitGroup
		running, got, want := 0, 0, 0
		each.Range(func(yield func(int, error) bool) {
			var some sync.WaitGroup
			for i := range 8 {
				all.Add(1)
				if i < 4 {
					some.Add(1)
				}
				go func() {
					defer all.Done()
					if i < 4 {
						defer some.Done()
					}
					for yield(1, nil) && i < 4 {
						return
					}
				}()
			}
			some.Wait()
			want = 4
		}, nil, func(v int, _ error) bool {
			if running++; running != 1 {
				t.Error("two bodies run at the same time")
			}
			got += v
			running--
			return true
		})
		all.Wait()
		if got < want {
			t.Errorf("got %d of at least %d", got, want)
		}
	}
}

func TestPanicsOfTheBodyAreRaisedInTheCaller(t *testing.T) {
	failed := errors.New("failed")
	for name, seq := range map[string]func(func(int, error) bool){
		"in the caller's goroutine": func(yield func(int, error) bool) {
			if yield(1, nil) || yield(2, nil) {
				t.Error("a body that panicked goes on")
			}
		},
		"in another": func(yield func(int, error) bool) {
			done := make(chan bool)
			go func() { done <- yield(1, nil) }()
			if <-done {
				t.Error("a body that panicked goes on")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				p, ok := recover().(*each.Panic)
				if !ok || p.Value != failed || len(p.Stack) == 0 {
					t.Errorf("recovered %v", p)
				}
			}()
			each.Range(seq, nil, func(int, error) bool { panic(failed) })
		})
	}
}

// TestIteratorsThatIgnoreTheEndAreUnwound checks that an iterator that ignores the result of yield
// ends nevertheless, and that one that continues for a while is not unwound.
func TestIteratorsThatIgnoreTheEndAreUnwound(t *testing.T) {
	unwound, calls := false, 0
	ignored := each.Range(func(yield func(int, error) bool) {
		defer func() { unwound = true }()
		for {
			yield(1, nil)
		}
	}, nil, func(int, error) bool { calls++; return false })
	if ignored == nil || !unwound || calls != 1 {
		t.Errorf("Range returned %v, unwound is %v, after %d calls of the body", ignored, unwound, calls)
	}
	if ignored := each.Range(func(yield func(int, error) bool) {
		for range 500 {
			yield(1, nil)
		}
	}, nil, func(int, error) bool { return false }); ignored != nil {
		t.Errorf("Range returned %v after some late calls", ignored)
	}
	late := make(chan bool)
	if ignored := each.Range(func(yield func(int, error) bool) {
		go func() { // must not be unwound
			more := false
			for range 5000 {
				more = yield(1, nil) || more
			}
			late <- more
		}()
		if <-late {
			t.Error("a late call got true")
		}
	}, nil, func(int, error) bool { return false }); ignored != nil {
		t.Errorf("Range returned %v because of another goroutine", ignored)
	}
}

// TestPanicsAfterLateCallsPass checks that a panic of the iterator itself is not mistaken for the
// end.
func TestPanicsAfterLateCallsPass(t *testing.T) {
	defer func() {
		if value := recover(); value != "own" {
			t.Errorf("recovered %v", value)
		}
	}()
	_ = each.Range(func(yield func(int, error) bool) {
		var some sync.WaitGroup
		some.Go(func() {
			for range 2000 {
				yield(1, nil)
			}
		})
		some.Wait()
		panic("own")
	}, nil, func(int, error) bool { return false })
}

func TestPanicsOfTheIteratorPass(t *testing.T) {
	defer func() {
		if value := recover(); value != "iterator" {
			t.Errorf("recovered %v", value)
		}
	}()
	each.Range(func(func(int, error) bool) { panic("iterator") }, nil, func(int, error) bool { return true })
}

func TestMessagesCostNoAllocations(t *testing.T) {
	seq := func(n int) func(func(int, error) bool) {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	body := func(int, error) bool { return true }
	few := testing.AllocsPerRun(100, func() { each.Range(seq(1), nil, body) })
	many := testing.AllocsPerRun(100, func() { each.Range(seq(1001), nil, body) })
	if many > few {
		t.Errorf("1,000 more messages cost %v allocations", many-few)
	}
}

func BenchmarkRange(b *testing.B) {
	seq := func(yield func(int, error) bool) {
		for i := range b.N {
			if !yield(i, nil) {
				return
			}
		}
	}
	b.ReportAllocs()
	each.Range(seq, nil, func(int, error) bool { return true })
}
