package storetest

import (
	"fmt"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

var findTests = []testCase{
	{"lists are by name, a page at a time", testListPages},
	{"lists have no more bytes than asked for", testListBytes},
	{"lists have what is asked for", testListFilters},
	{"a watch tells of the end", testWatchDone},
	{"a watch tells of a cancellation", testWatchCancel},
	{"a watch tells that an operation is deleted", testWatchDelete},
	{"a watch tells at once of what was not seen", testWatchSeen},
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

// told waits for the notification of a watch.
func (s *suite) told(news <-chan struct{}) {
	s.Helper()
	select {
	case <-news:
	case <-time.After(20 * time.Second):
		s.Error("the watch told nothing within 20 s")
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
	s.told(one)
	s.told(two)
}

func testWatchCancel(s *suite) {
	r := s.running()
	news := s.watch(r)
	s.cancel(r.Name)
	s.told(news)
}

func testWatchDelete(s *suite) {
	r := s.running()
	news := s.watch(r)
	s.must(s.Delete(s.ctx, r.Name))
	s.told(news)
	s.told(s.watch(r))
}

func testWatchSeen(s *suite) {
	r := s.running()
	s.cancel(r.Name)
	s.told(s.watch(r))
	seen := s.now(r.Name)
	news := s.watch(seen)
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	s.told(news)
	s.told(s.watch(seen))
}
