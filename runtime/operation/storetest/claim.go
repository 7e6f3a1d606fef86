package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

var claimTests = []testCase{
	{"what is due the longest is claimed first", testClaimOrder},
	{"only operations of the methods are claimed", testClaimMethods},
	{"many claim at once and none get the same", testClaimRace},
	{"a lease that is over is claimed again with the next fence", testLeaseOver},
	{"a lease that nobody else has claimed can be renewed late", testRenewLate},
	{"renewing keeps others out", testRenew},
	{"an old fence is rejected", testFence},
	{"saving keeps what is not given", testSave},
	{"a save that arrives late changes nothing", testSaveLate},
	{"of saves that arrive at once the last one stays", testSaveRace},
	{"what is given back is due again", testRelease},
	{"many workers end each operation once", testWorkers},
}

func testClaimOrder(s *suite) {
	var want []string
	for range 5 {
		want = append(want, s.created(op()).Name)
		time.Sleep(time.Millisecond)
	}
	s.same("two at a time", namesOf(s.claimed(2)), want[:2]...)
	s.same("what is left", namesOf(s.claimed(10)), want[2:]...)
	s.idle()
}

func testClaimMethods(s *suite) {
	s.created(op(func(r *operation.Record) { r.Method = otherMethod }))
	for _, methods := range [][]string{{}, {method}, {"/test.v1.Jobs"}} {
		if ops, err := s.Claim(s.ctx, methods, 10); err != nil || len(ops) != 0 {
			s.Errorf("claimed of %q: %v, %v", methods, namesOf(ops), err)
		}
	}
	if ops := s.claimed(10, method, otherMethod); len(ops) != 1 {
		s.Errorf("claimed: %v, want one", namesOf(ops))
	}
}

func testClaimRace(s *suite) {
	const operations, claimers = 60, 8
	for range operations {
		s.created(op())
	}
	claimed := make(chan string, operations*claimers)
	var all sync.WaitGroup
	for range claimers {
		all.Go(func() {
			for {
				ops, err := s.Claim(s.ctx, []string{method}, 3)
				if err != nil {
					s.Error(err)
				}
				if len(ops) == 0 {
					return
				}
				for _, r := range ops {
					claimed <- r.Name
				}
			}
		})
	}
	all.Wait()
	close(claimed)
	var names []string
	for name := range claimed {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != operations || len(slices.Compact(names)) != operations {
		s.Errorf("%d operations were claimed, want each of %d once", len(names), operations)
	}
}

func testLeaseOver(s *suite) {
	first := s.running(lasting(short))
	second := s.claimSoon()
	if second.Name != first.Name || second.Fence <= first.Fence || second.Attempt != 2 || !second.StartTime.Equal(first.StartTime) {
		s.Errorf("claimed %+v after %+v", second, first)
	}
}

func testRenewLate(s *suite) {
	r := s.running(lasting(time.Millisecond))
	time.Sleep(short)
	if _, err := s.Renew(s.ctx, r.Name, r.Fence); err != nil {
		s.Errorf("Renew returned %v", err)
	}
}

func testRenew(s *suite) {
	r := s.running(lasting(time.Minute))
	before := s.now(r.Name).LeaseUntil
	time.Sleep(short)
	_, err := s.Renew(s.ctx, r.Name, r.Fence)
	s.must(err)
	if after := s.now(r.Name).LeaseUntil; !after.After(before) {
		s.Errorf("the lease is until %v, was until %v", after, before)
	}
	s.idle()
}

func testFence(s *suite) {
	old := s.running(lasting(short))
	held := s.claimSoon()
	lost := func(when string, fence int64) {
		s.Helper()
		_, renew := s.Renew(s.ctx, old.Name, fence)
		_, save := s.Save(s.ctx, old.Name, fence, progress(9, "stale"))
		for _, err := range []error{
			renew, save,
			s.Finish(s.ctx, old.Name, fence, operation.Result{Response: []byte("stale")}),
			s.Release(s.ctx, old.Name, fence, operation.Again{}),
		} {
			if !errors.Is(err, operation.ErrLeaseLost) {
				s.Errorf("%s: got %v, want ErrLeaseLost", when, err)
			}
		}
	}
	lost("an old fence", old.Fence)
	lost("a fence of the future", held.Fence+1)
	s.must(s.Release(s.ctx, held.Name, held.Fence, operation.Again{After: time.Hour}))
	lost("after it was given back", held.Fence)
	other := s.running()
	s.must(s.Finish(s.ctx, other.Name, other.Fence, operation.Result{Response: []byte("ok")}))
	old = other
	lost("after it was done", other.Fence)
	if r := s.now(other.Name); string(r.Response) != "ok" || string(r.Metadata) == "stale" {
		s.Errorf("a stale worker has changed the operation: %+v", r)
	}
	if _, err := s.Renew(s.ctx, "operations/unknown", 1); !errors.Is(err, operation.ErrLeaseLost) {
		s.Errorf("Renew of an unknown operation returned %v", err)
	}
}

func testSave(s *suite) {
	r := s.running()
	for _, step := range []struct{ save, want operation.Progress }{
		{operation.Progress{Number: 1}, operation.Progress{Metadata: []byte("metadata")}},
		{
			operation.Progress{Number: 2, Checkpoint: []byte("1")},
			operation.Progress{Metadata: []byte("metadata"), Checkpoint: []byte("1")},
		},
		{
			operation.Progress{Number: 3, Metadata: []byte("m")},
			operation.Progress{Metadata: []byte("m"), Checkpoint: []byte("1")},
		},
	} {
		cancelled, err := s.Save(s.ctx, r.Name, r.Fence, step.save)
		if got := s.now(r.Name); err != nil || cancelled || string(got.Metadata) != string(step.want.Metadata) || string(got.Checkpoint) != string(step.want.Checkpoint) {
			s.Errorf("after %q: %q, %q, %v, %v", step.save, got.Metadata, got.Checkpoint, cancelled, err)
		}
	}
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{}))
	if again := s.claimOne(); string(again.Checkpoint) != "1" || string(again.Metadata) != "m" {
		s.Errorf("another attempt gets %q, %q", again.Metadata, again.Checkpoint)
	}
}

// progress returns progress that is a text.
func progress(number int64, text string) operation.Progress {
	return operation.Progress{Metadata: []byte(text), Checkpoint: []byte(text), Number: number}
}

func testSaveLate(s *suite) {
	r := s.running()
	saved := func(number int64) error {
		_, err := s.Save(s.ctx, r.Name, r.Fence, progress(number, strconv.FormatInt(number, 10)))
		return err
	}
	save := func(number int64, want error, last int64) {
		s.Helper()
		before := s.now(r.Name)
		if err := saved(number); !errors.Is(err, want) {
			s.Errorf("the save %d after %d returned %v, want %v", number, before.Saves, err, want)
		}
		after := s.now(r.Name)
		if diff := cmp.Diff(before, after); diff != "" && last == before.Saves {
			s.Errorf("the save %d after %d has changed the operation: %s", number, last, diff)
		}
		text := strconv.FormatInt(last, 10)
		if after.Saves != last || string(after.Checkpoint) != text || string(after.Metadata) != text {
			s.Errorf("after the save %d the operation has the save %d, with %q and %q, want %d",
				number, after.Saves, after.Checkpoint, after.Metadata, last)
		}
	}
	save(2, nil, 2)
	save(2, nil, 2)
	save(1, operation.ErrSuperseded, 2)
	save(5, nil, 5)
	save(2, operation.ErrSuperseded, 5)
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{}))
	if r = s.claimOne(); r.Saves != 5 {
		s.Errorf("the next attempt continues from the save %d, want 5", r.Saves)
	}
	save(4, operation.ErrSuperseded, 5)
	save(6, nil, 6)
	s.cancel(r.Name)
	save(5, operation.ErrSuperseded, 6)
	if cancelled, err := s.Save(s.ctx, r.Name, r.Fence, progress(6, "6")); !cancelled || err != nil {
		s.Errorf("a repeated save of a cancelled operation returned %v, %v", cancelled, err)
	}
	for _, number := range []int64{0, -1} {
		if err := saved(number); err == nil || errors.Is(err, operation.ErrSuperseded) {
			s.Errorf("a save with the number %d returned %v, want another error", number, err)
		}
	}
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	if err := saved(7); !errors.Is(err, operation.ErrLeaseLost) {
		s.Errorf("a save after the end returned %v, want ErrLeaseLost", err)
	}
}

func testSaveRace(s *suite) {
	const saves = 20
	r := s.running()
	var all sync.WaitGroup
	for i := range saves {
		all.Go(func() {
			_, err := s.Save(s.ctx, r.Name, r.Fence, progress(int64(i+1), strconv.Itoa(i+1)))
			if err != nil && !errors.Is(err, operation.ErrSuperseded) {
				s.Error(err)
			}
		})
	}
	all.Wait()
	if got := s.now(r.Name); got.Saves != saves || string(got.Checkpoint) != strconv.Itoa(saves) {
		s.Errorf("the save %d stays, with %q, want %d", got.Saves, got.Checkpoint, saves)
	}
}

func testRelease(s *suite) {
	r := s.running()
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{Uncounted: true}))
	r = s.claimOne()
	if r.Attempt != 1 {
		s.Errorf("it is attempt %d, want 1, as the one before does not count", r.Attempt)
	}
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{After: time.Hour}))
	s.idle()
	s.created(op())
	r = s.claimOne()
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{After: short}))
	if again := s.claimSoon(); again.Name != r.Name || again.Attempt != 2 || again.UpdateTime.Before(again.RunAfter) {
		s.Errorf("claimed %+v, want %s when it is due", again, r.Name)
	}
}

// patience is how many operations a worker of testWorkers loses before it works alone.
const patience = 5

// testWorkers lets leases expire while slow workers hold them. With a slow store, all leases may
// expire: a worker that has lost several operations keeps others out until it has ended its next
// ones, which it may as long as nobody else has claimed them.
func testWorkers(s *suite) {
	const operations, workers = 40, 8
	for range operations {
		s.created(op(lasting(5 * time.Millisecond)))
	}
	ended := make(chan string, 10*operations)
	var alone sync.RWMutex
	work := func(slow time.Duration) (lost int) {
		ops, err := s.Claim(s.ctx, []string{method}, 2)
		if err != nil {
			s.Error(err)
		}
		time.Sleep(slow)
		for _, r := range ops {
			switch err := s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}); {
			case err == nil:
				ended <- r.Name
			case errors.Is(err, operation.ErrLeaseLost):
				lost++
			default:
				s.Error(err)
			}
		}
		return lost
	}
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for lost := 0; s.ctx.Err() == nil && !s.Failed() && len(ended) < operations; {
				if lost < patience {
					alone.RLock()
					lost += work(time.Duration(i) * time.Millisecond)
					alone.RUnlock()
				} else {
					alone.Lock()
					work(0)
					alone.Unlock()
				}
			}
		})
	}
	all.Wait()
	close(ended)
	seen := make(map[string]bool)
	for name := range ended {
		if seen[name] {
			s.Errorf("%s has ended twice", name)
		}
		seen[name] = true
	}
	if len(seen) != operations {
		s.Errorf("%d operations have ended, want %d", len(seen), operations)
	}
}
