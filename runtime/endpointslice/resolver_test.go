package endpointslice_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/endpointslice"
	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
)

func TestFollowsSlices(t *testing.T) {
	s := start(t)
	s.Put(books("books-a", "10.0.0.1", "10.0.0.2"))
	other := books("other", "10.9.9.9")
	other.Service = "other"
	s.Put(other)
	rec := resolve(t, booksTarget, options(s)...)
	rec.want("10.0.0.1:9000", "10.0.0.2:9000")
	s.Put(books("books-b", "10.0.0.2", "10.0.0.3")) // 10.0.0.2 moves
	rec.want("10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000")
	s.Put(books("books-a", "10.0.0.1"))
	s.Put(books("books-b", "10.0.0.3"))
	rec.want("10.0.0.1:9000", "10.0.0.3:9000")
	s.Delete("shop", "books-a")
	rec.want("10.0.0.3:9000")
	rec.wantKept()
	s.Delete("shop", "books-b")
	rec.want()
	rec.wantError("service shop/books has no endpoints: it has no EndpointSlice; check its name and namespace")
	s.Put(books("books-c", "10.0.0.4"))
	rec.want("10.0.0.4:9000")
}

// TestOwnNamespace resolves a target without a namespace.
func TestOwnNamespace(t *testing.T) {
	s := start(t)
	slice := books("books", "10.0.0.1")
	slice.Namespace = "default"
	s.Put(slice)
	resolve(t, "endpointslice:///books:9000", options(s)...).want("10.0.0.1:9000")
}

// TestInCluster finds the API server as a pod does.
func TestInCluster(t *testing.T) {
	s := start(t)
	s.Put(books("books", "10.0.0.1"))
	host, port, _ := strings.Cut(strings.TrimPrefix(s.URL(), "https://"), ":")
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	resolve(t, booksTarget, options(s)[1:]...).want("10.0.0.1:9000")
}

func TestNotInCluster(t *testing.T) {
	s := start(t)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	resolve(t, booksTarget, options(s)[1:]...).wantError("not a pod of Kubernetes", "WithAPIServer")
}

// TestPages lists more slices than a page has, and lists them at once if a page comes too late.
func TestPages(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			s := start(t)
			s.SetPageLen(2)
			var want []string
			for i := range 7 {
				s.Put(books(fmt.Sprint("books-", i), fmt.Sprint("10.0.0.", i)))
				want = append(want, fmt.Sprintf("10.0.0.%d:9000", i))
			}
			s.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if late && r.URL.Query().Get("continue") != "" {
					s.Compact()
				}
				return false
			})
			resolve(t, booksTarget, options(s)...).want(want...)
			lists := 0
			for _, query := range s.Requests() {
				if !query.Has("watch") {
					lists++
				}
			}
			if want := map[bool]int{false: 4, true: 3}[late]; lists != want {
				t.Errorf("%d requests for lists, want %d: %v", lists, want, s.Requests())
			}
		})
	}
}

// TestResumes checks that a watch that ended, was cut off, or lost its API server goes on where it
// stopped: without a list, and with what has changed since.
func TestResumes(t *testing.T) {
	tests := map[string]func(s *apiservertest.Server){
		"ended":   func(s *apiservertest.Server) { s.EndWatches() },
		"cut off": func(s *apiservertest.Server) { s.CutWatches() },
		"stopped": func(s *apiservertest.Server) { s.Stop() },
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Put(books("books", "10.0.0.1"))
			rec := resolve(t, booksTarget, options(s)...)
			rec.want("10.0.0.1:9000")
			for i := 2; i < 5; i++ {
				lose(s)
				address := fmt.Sprint("10.0.0.", i)
				s.Put(books("books", address))
				if name == "stopped" {
					s.Restart()
				}
				rec.want(address + ":9000")
			}
			rec.wantKept()
			for i, query := range s.Requests() {
				if i > 0 && (!query.Has("watch") || query.Get("allowWatchBookmarks") != "true") {
					t.Errorf("request %d: %v, want a watch with bookmarks", i, query)
				}
			}
		})
	}
}

// TestListsAgain checks that the slices are listed again, and that those that are gone meanwhile
// are forgotten, when the history of a resource version is gone.
func TestListsAgain(t *testing.T) {
	gone := func(s *apiservertest.Server) {
		s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("watch") {
				s.Intercept(nil)
				return false
			}
			apiservertest.SendStatus(w, http.StatusGone, "Expired", "too old resource version")
			return true
		})
	}
	restored := func(s *apiservertest.Server) { // the database of the API server
		s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("watch") {
				s.Intercept(nil)
				return false
			}
			apiservertest.SendStatus(w, http.StatusGatewayTimeout, "Timeout", "Too large resource version")
			return true
		})
	}
	garbage := func(s *apiservertest.Server) {
		s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("watch") {
				s.Intercept(nil)
				return false
			}
			_, _ = w.Write([]byte(`{"type":"MODIFIED","object":{"metadata":{"name":["x"]}}}`))
			return true
		})
	}
	for name, lose := range map[string]func(*apiservertest.Server){
		"an event": (*apiservertest.Server).Compact, "a status": gone, "another status": restored,
		"garbage": garbage,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Put(books("books-a", "10.0.0.1"))
			s.Put(books("books-b", "10.0.0.2"))
			rec := resolve(t, booksTarget, options(s)...)
			rec.want("10.0.0.1:9000", "10.0.0.2:9000")
			s.Stop()
			s.Delete("shop", "books-a")
			s.Put(books("books-c", "10.0.0.3"))
			lose(s)
			s.Restart()
			rec.want("10.0.0.2:9000", "10.0.0.3:9000")
			rec.wantKept()
		})
	}
}

// TestManyEventsAreOneReport checks that events that arrive together are reported once: after a cut
// there may be thousands.
func TestManyEventsAreOneReport(t *testing.T) {
	s := start(t)
	s.Put(books("books", "10.0.0.0"))
	rec := resolve(t, booksTarget, options(s)...)
	rec.want("10.0.0.0:9000")
	s.Stop()
	for i := range 1000 {
		s.Put(books("books", fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)))
	}
	s.Restart()
	rec.want("10.0.3.250:9000")
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if n := len(rec.states); n > 200 {
		t.Errorf("%d reports of 1000 events that arrived together", n)
	}
}

// TestBookmarks checks that a watch resumes from the version of a bookmark.
func TestBookmarks(t *testing.T) {
	s := start(t)
	s.SetBookmarks(10 * time.Millisecond)
	s.Put(books("books", "10.0.0.1"))
	rec := resolve(t, booksTarget, options(s)...)
	rec.want("10.0.0.1:9000")
	other := books("other", "10.9.9.9")
	other.Service = "other"
	s.Put(other)
	resumed := func() string {
		requests := s.Requests()
		return requests[len(requests)-1].Get("resourceVersion")
	}
	for deadline := time.Now().Add(patience); resumed() != "3"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never resumed from a bookmark: %v", s.Requests())
		}
		s.EndWatches()
	}
	rec.wantKept()
}

// TestSilence checks that a watch without a sign of life is replaced.
func TestSilence(t *testing.T) {
	for name, send := range map[string]string{
		"no response": "", "no event": "\n", "half an event": `{"type":"MODIFIED","object":{`,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Put(books("books", "10.0.0.1"))
			rec := resolve(t, booksTarget, options(s, endpointslice.WithTimes(time.Second, 3*time.Second))...)
			rec.want("10.0.0.1:9000")
			s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !r.URL.Query().Has("watch") {
					s.Intercept(nil)
					return false
				}
				if send != "" {
					_, _ = w.Write([]byte(send))
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
				return true
			})
			s.EndWatches()
			s.Put(books("books", "10.0.0.2"))
			rec.want("10.0.0.2:9000")
			rec.wantKept()
		})
	}
}

// TestToken checks that a token that has been replaced is read again.
func TestToken(t *testing.T) {
	s := start(t)
	s.Put(books("books", "10.0.0.1"))
	rec := resolve(t, booksTarget, options(s)...)
	rec.want("10.0.0.1:9000")
	s.SetToken("token-2")
	s.EndWatches()
	s.Put(books("books", "10.0.0.2"))
	rec.want("10.0.0.2:9000")
	rec.wantKept()
	if requests := s.Requests(); len(requests) > 3 { // the next request has the new token
		t.Errorf("%d requests, want a list and two watches: %v", len(requests), requests)
	}
}

// TestRejections checks what calls get while the API server has never given a list, and that the
// list comes as soon as it does.
func TestRejections(t *testing.T) {
	reply := func(code int, header, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(text))
			return true
		}
	}
	huge := func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte(`{"kind":"EndpointSliceList","metadata":{"resourceVersion":"`))
		for range 40 {
			if _, err := w.Write([]byte(strings.Repeat("9", 32<<10))); err != nil {
				return true
			}
		}
		return true
	}
	endless := func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte(`{"kind":"EndpointSliceList","metadata":{"resourceVersion":"1","continue":"x"}}`))
		return true
	}
	many := func(w http.ResponseWriter, r *http.Request) bool {
		one := `{"addresses":["10.0.0.1"]},`
		_, _ = w.Write([]byte(`{"kind":"EndpointSliceList","metadata":{"resourceVersion":"1"},"items":[` +
			`{"metadata":{"name":"a"},"endpoints":[` +
			strings.TrimSuffix(strings.Repeat(one, endpointslice.MaxEndpoints+1), ",") + `]}]}`))
		return true
	}
	tests := map[string]struct {
		respond func(http.ResponseWriter, *http.Request) bool
		want    []string
	}{
		"403": {nil, []string{
			"an RBAC rule is missing (403): grant the pod's service account get, list and watch on" +
				" endpointslices of the API group discovery.k8s.io in the namespace \"shop\"",
			`User "system:serviceaccount:shop:default" cannot list`,
		}},
		"401":        {reply(401, "", "Unauthorized"), []string{"does not accept the token", "(401)"}},
		"404":        {reply(404, "", "404 page\nnot found"), []string{"discovery.k8s.io/v1", "404 page not found"}},
		"429":        {reply(429, "Retry-After: 1", ""), []string{"overloaded (429)"}},
		"500":        {reply(500, "", "<html>"), []string{"HTTP status 500", "<html>"}},
		"redirect":   {reply(302, "Location: https://example.com/", ""), []string{"HTTP status 302"}},
		"garbage":    {reply(200, "", "<html>"), []string{"unreadable list"}},
		"nothing":    {reply(200, "", ""), []string{"unreadable list: unexpected EOF"}},
		"other kind": {reply(200, "", `{"kind":"PodList"}`), []string{`kind "PodList"`}},
		"no version": {reply(200, "", `{"kind":"EndpointSliceList"}`), []string{"without a resource version"}},
		"huge":       {huge, []string{"larger than 1048576 bytes"}},
		"endless":    {endless, []string{"more than 200 pages"}},
		"many":       {many, []string{"more than 10000 endpoints"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if test.respond == nil {
				s.Forbid("list", "watch")
			}
			s.Intercept(test.respond)
			s.Put(books("books", "10.0.0.1"))
			rec := resolve(t, booksTarget, options(s, endpointslice.WithSizes(1<<20))...)
			rec.wantError(test.want...)
			for _, err := range rec.errs {
				if strings.ContainsAny(err, "\n\r") {
					t.Errorf("an error of several lines: %q", err)
				}
			}
			s.Forbid()
			s.Intercept(nil)
			rec.want("10.0.0.1:9000")
		})
	}
}

// TestRetryAfter checks that the resolver waits as long as the API server asks for.
func TestRetryAfter(t *testing.T) {
	s := start(t)
	s.Put(books("books", "10.0.0.1"))
	var rejected atomic.Int64 // when
	s.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if rejected.CompareAndSwap(0, time.Now().UnixNano()) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return false
	})
	rec := resolve(t, booksTarget, options(s)...)
	rec.want("10.0.0.1:9000")
	if waited := time.Since(time.Unix(0, rejected.Load())); waited < 2*time.Second {
		t.Errorf("back after %v, want 2s at least", waited)
	}
}

// TestKeepsServers checks that nothing that the API server does after a list loses the servers.
func TestKeepsServers(t *testing.T) {
	for name, respond := range map[string]string{
		"unauthorized":  "401",
		"forbidden":     "403",
		"overloaded":    "503",
		"garbage":       "<html>",
		"null":          "null",
		"no name":       `{"type":"DELETED","object":{}}`,
		"unknown":       `{"type":"RESET","object":{}}`,
		"error":         `{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd"}}`,
		"other object":  `{"type":"MODIFIED","object":[1]}`,
		"huge":          `{"type":"` + strings.Repeat("A", 1<<20),
		"ended at once": "",
		"too many": `{"type":"ADDED","object":{"metadata":{"name":"b"},"endpoints":[{}` +
			strings.Repeat(",{}", endpointslice.MaxEndpoints) + `]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Put(books("books", "10.0.0.1"))
			rec := resolve(t, booksTarget, options(s, endpointslice.WithSizes(1<<20))...)
			rec.want("10.0.0.1:9000")
			var failed atomic.Int64
			s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				failed.Add(1)
				switch code := 0; {
				case func() bool { n, _ := fmt.Sscanf(respond, "%3d", &code); return n == 1 }():
					apiservertest.SendStatus(w, code, "", "")
				case r.URL.Query().Has("watch"):
					_, _ = w.Write([]byte(respond))
				default:
					apiservertest.SendStatus(w, http.StatusServiceUnavailable, "", "")
				}
				return true
			})
			s.EndWatches()
			for deadline := time.Now().Add(patience); failed.Load() < 2 && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond)
			}
			rec.wantKept()
			s.Put(books("books", "10.0.0.2"))
			s.Intercept(nil)
			rec.want("10.0.0.2:9000")
			rec.wantKept()
		})
	}
}

// TestWaitsBetweenRequests checks that the resolver waits between requests that fail in any way, also
// if servers are known.
func TestWaitsBetweenRequests(t *testing.T) {
	expired := func(w http.ResponseWriter) {
		apiservertest.SendStatus(w, http.StatusGone, "Expired", "too old resource version")
	}
	for name, respond := range map[string]func(http.ResponseWriter){
		"ended at once": func(http.ResponseWriter) {}, "expired at once": expired,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Put(books("books", "10.0.0.1"))
			s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("watch") {
					respond(w)
				}
				return r.URL.Query().Has("watch")
			})
			rec := resolve(t, booksTarget, options(s)...)
			rec.want("10.0.0.1:9000")
			time.Sleep(2 * time.Second)
			if n := len(s.Requests()); n > 100 {
				t.Errorf("%d requests in 2 seconds", n)
			}
			rec.wantKept()
		})
	}
}

// TestMisuse checks the errors of options and targets.
func TestMisuse(t *testing.T) {
	s := start(t)
	for want, opt := range map[string]endpointslice.Option{
		"WithAPIServer":       endpointslice.WithAPIServer("10.0.0.1:6443"),
		"WithHTTPClient(nil)": endpointslice.WithHTTPClient(nil),
		"a Timeout":           endpointslice.WithHTTPClient(&http.Client{Timeout: 1}),
	} {
		resolve(t, booksTarget, options(s, opt)...).wantError(want)
	}
	for target, want := range map[string]string{
		"endpointslice:///shop/books":        "the port is missing",
		"endpointslice:///shop/books:":       "neither the name of a port",
		"endpointslice:///shop/books:0":      "neither the name of a port",
		"endpointslice:///shop/books:65536":  "neither the name of a port",
		"endpointslice:///shop/books:GRPC":   "neither the name of a port",
		"endpointslice:///shop/:grpc":        "not the name of a service",
		"endpointslice:///a/b/c:grpc":        "not the name of a service",
		"endpointslice:///../books:grpc":     "not the name of a namespace",
		"endpointslice://shop/books:grpc":    "has an authority",
		"endpointslice:///shop/books:1?a=b":  "has a query",
		"endpointslice:///shop/b%2foks:grpc": "not the name of a service",
	} {
		resolve(t, target, options(s)...).wantError(
			want, `write "endpointslice:///namespace/service:port"`)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestMissingFiles checks that the files of the service account may come later.
func TestMissingFiles(t *testing.T) {
	s := start(t)
	s.Put(books("books", "10.0.0.1"))
	for name, opt := range map[string]endpointslice.Option{
		"token":     endpointslice.WithTokenFile(t.TempDir() + "/token"),
		"CA":        endpointslice.WithCAFile(t.TempDir() + "/ca.crt"),
		"namespace": endpointslice.WithNamespaceFile(t.TempDir() + "/namespace"),
	} {
		target := booksTarget
		if name == "namespace" {
			target = "endpointslice:///books:grpc"
		}
		rec := resolve(t, target, options(s, opt)...)
		rec.wantError(name, "no such file")
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests without credentials", n)
	}
}
