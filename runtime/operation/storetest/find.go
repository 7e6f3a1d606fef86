package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

var findTests = []testCase{
	{"lists are by name, a page at a time", testListPages},
	{"lists have no more bytes than asked for", testListBytes},
	{"lists have what is asked for", testListFilters},
	{"counts are of what is not done", testCount},
	{"a watch reports the end", testWatchDone},
	{"a watch reports a cancellation", testWatchCancel},
	{"a watch reports that an operation is deleted", testWatchDelete},
	{"a watch reports at once what was not seen", testWatchSeen},
}

func testListPages(s *suite) {
	names := []string{"a/operations/2", "operations/1", "operations/10", "operations/2", "operations/3", "operationsx/1", "z/1"}
	for i := range names {
		s.created(op(func(r *operation.Record) { r.Name = names[(i*3)%len(names)] }))
	}
	s.same("all", s.found(operation.Query{}), names...)
	for _, size := range []int{1, 2, 3, 100} {
		var got []string
		for q := (operation.Query{Prefix: "operations/", Limit: size}); ; {
			page := s.found(q)
			if len(page) > size {
				s.Fatalf("a page of %d has %v", size, page)
			}
			if len(page) == 0 {
				break
			}
			got, q.After = append(got, page...), page[len(page)-1]
		}
		s.same(fmt.Sprintf("pages of %d", size), got, names[1:5]...)
	}
	s.same("after a name that there is not", s.found(operation.Query{After: "operations/11"}), names[3:]...)
}

func testCount(s *suite) {
	s.counts("an empty store")
	first, second := s.created(op()), s.created(op())
	s.created(op(lasting(short), func(r *operation.Record) { r.Method = otherMethod }))
	two := operation.Count{Method: method, Phase: operation.Waiting, Number: 2, Oldest: first.CreateTime}
	one := operation.Count{Method: method, Phase: operation.Waiting, Number: 1}
	other := operation.Count{Method: otherMethod, Phase: operation.Waiting, Number: 1}
	s.counts("new operations", two, other)

	r := s.claimed(1)[0]
	running := operation.Count{Method: method, Phase: operation.Running, Number: 1, Oldest: r.CreateTime}
	s.counts("a claimed operation", running, one, other)
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{After: time.Hour}))
	s.counts("a released operation", two, other)

	s.must(s.Delete(s.ctx, second.Name))
	s.counts("a deleted operation that is not done", two, other)
	_, err := s.RequestCancel(s.ctx, first.Name, operation.Result{Status: []byte("cancelled")})
	s.must(err)
	one.Oldest = second.CreateTime
	s.counts("a cancelled operation", one, other)

	s.claimed(1, otherMethod)
	other.Phase = operation.Expired
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(short) {
		counts, err := s.Count(s.ctx)
		s.must(err)
		if slices.ContainsFunc(counts, func(c operation.Count) bool { return c.Phase == operation.Expired }) {
			break
		}
	}
	s.counts("an expired lease", one, other)
}

// counts checks what the store counts; an Oldest that is zero is not checked.
func (s *suite) counts(what string, want ...operation.Count) {
	s.Helper()
	got, err := s.Count(s.ctx)
	s.must(err)
	same := len(got) == len(want)
	for _, w := range want {
		same = same && slices.ContainsFunc(got, func(c operation.Count) bool {
			return c.Method == w.Method && c.Phase == w.Phase && c.Number == w.Number &&
				(w.Oldest.IsZero() || c.Oldest.Equal(w.Oldest))
		})
	}
	if !same {
		s.Errorf("%s: counted %+v, want %+v", what, got, want)
	}
}

func testListBytes(s *suite) {
	var names []string
	for i := range 9 {
		r := op(func(r *operation.Record) { r.Request, r.Metadata = make([]byte, 700), make([]byte, 300) })
		if i == 4 {
			r.Request = make([]byte, 5000)
		}
		names = append(names, s.created(r).Name)
	}
	for what, test := range map[string]struct {
		query operation.Query
		want  []string
		more  bool
	}{
		"all":                  {operation.Query{}, names, false},
		"as many as there are": {operation.Query{Limit: 9}, names, false},
		"one less":             {operation.Query{Limit: 8}, names[:8], true},
		"two by their bytes":   {operation.Query{MaxBytes: 2999}, names[:2], true},
		"three by their bytes": {operation.Query{MaxBytes: 3000}, names[:3], true},
		"before a large one":   {operation.Query{MaxBytes: 8999}, names[:4], true},
		"with a large one":     {operation.Query{MaxBytes: 9300}, names[:5], true},
		"a large one alone":    {operation.Query{MaxBytes: 100, After: names[3]}, names[4:5], true},
		"the last ones":        {operation.Query{MaxBytes: 4000, After: names[4]}, names[5:], false},
		"by a limit first":     {operation.Query{MaxBytes: 4000, Limit: 2}, names[:2], true},
	} {
		found, more, err := s.List(s.ctx, test.query)
		s.must(err)
		s.same(what, namesOf(found), test.want...)
		if more != test.more {
			s.Errorf("%s: List reports more: %v, want %v", what, more, test.more)
		}
	}
}

func testListFilters(s *suite) {
	done := s.running()
	s.must(s.Finish(s.ctx, done.Name, done.Fence, operation.Result{Response: []byte("ok")}))
	other := s.created(op(func(r *operation.Record) { r.Method = otherMethod }))
	key := s.created(op(about("key")))
	nobody := s.created(op(func(r *operation.Record) { r.Principal = "" }))
	yes, no, ada, none := true, false, "ada", ""
	for what, test := range map[string]struct {
		query operation.Query
		want  []string
	}{
		"done":            {operation.Query{Done: &yes}, []string{done.Name}},
		"not done":        {operation.Query{Done: &no}, []string{other.Name, key.Name, nobody.Name}},
		"a method":        {operation.Query{Method: otherMethod}, []string{other.Name}},
		"a conflict key":  {operation.Query{ConflictKey: "key"}, []string{key.Name}},
		"a principal":     {operation.Query{Principal: &ada}, []string{done.Name, other.Name, key.Name}},
		"no principal":    {operation.Query{Principal: &none}, []string{nobody.Name}},
		"several of them": {operation.Query{Principal: &ada, Done: &no, Method: method, Limit: 1}, []string{key.Name}},
	} {
		s.same(what, s.found(test.query), test.want...)
	}
}

// notified waits for the notification of a watch.
func (s *suite) notified(news <-chan struct{}) {
	s.Helper()
	select {
	case <-news:
	case <-time.After(20 * time.Second):
		s.Error("the watch reported nothing within 20 s")
	}
}

// watch watches an operation.
func (s *suite) watch(seen *operation.Record) <-chan struct{} {
	s.Helper()
	news, err := s.Watch(s.ctx, seen)
	s.must(err)
	return news
}

func testWatchDone(s *suite) {
	r := s.running()
	one, two := s.watch(r), s.watch(r)
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	s.notified(one)
	s.notified(two)
}

func testWatchCancel(s *suite) {
	r := s.running()
	news := s.watch(r)
	s.cancel(r.Name)
	s.notified(news)
}

func testWatchDelete(s *suite) {
	r := s.running()
	news := s.watch(r)
	s.must(s.Delete(s.ctx, r.Name))
	s.notified(news)
	s.notified(s.watch(r))
}

func testWatchSeen(s *suite) {
	r := s.running()
	s.cancel(r.Name)
	s.notified(s.watch(r))
	seen := s.now(r.Name)
	news := s.watch(seen)
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	s.notified(news)
	s.notified(s.watch(seen))
}
