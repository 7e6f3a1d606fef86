package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/rest/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// patience is how long a test waits for what happens at once on an idle machine.
const patience = time.Minute

// probe serves books, and what the tests need besides.
type probe struct {
	*books
	deadlines chan time.Duration // of the calls of GetBook for slow books
	ended     chan error         // of the contexts of the same
}

func (p *probe) GetBook(
	ctx context.Context, req *libraryv1.GetBookRequest,
) (*libraryv1.Book, error) {
	switch req.GetName() {
	case "shelves/1/books/slow":
		deadline, _ := ctx.Deadline()
		p.deadlines <- time.Until(deadline)
		<-ctx.Done()
		p.ended <- ctx.Err()
		return nil, ctx.Err()
	case "shelves/1/books/metadata":
		md, _ := metadata.FromIncomingContext(ctx)
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-shelf", "new", "internal", "hidden"))
		var names []string
		for name := range md {
			if name != "content-type" && !strings.HasPrefix(name, ":") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		call, _ := runtime.CallFromContext(ctx)
		return &libraryv1.Book{
			Name:  call.RequestID() + " " + call.Principal().ID + " " + call.Peer().String(),
			Title: strings.Join(names, " "),
		}, nil
	}
	return p.books.GetBook(ctx, req)
}

// site is a server with REST, for a test.
type site struct {
	*probe
	t    *testing.T
	url  string
	log  *safeBuffer
	stop func() error
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// start serves a shelf with three books, until the end of the test or stop.
func start(t *testing.T, opts ...server.Option) *site {
	t.Helper()
	s := &site{
		probe: &probe{
			books: newBooks(
				&libraryv1.Book{Name: "shelves/1/books/a", Title: "Alpha", Pages: 100},
				&libraryv1.Book{Name: "shelves/1/books/b", Title: "Beta"},
				&libraryv1.Book{Name: "shelves/1/books/c", Title: "Gamma"},
			),
			deadlines: make(chan time.Duration, 1), ended: make(chan error, 1),
		},
		t: t, log: &safeBuffer{},
	}
	keys, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(append([]server.Option{
		server.WithAuthenticator(keys), server.WithLogger(slog.New(server.NewJSONHandler(s.log, nil))), server.WithDrainDelay(0),
	}, opts...)...)
	libraryv1service.RegisterBookService(srv, s.probe)
	rest, err := newREST(t.Context(), srv)
	if err != nil {
		t.Fatal(err)
	}
	lis := listen(t)
	s.url = "http://" + lis.Addr().String()
	srv.Background("rest", func(ctx context.Context) error { return serveREST(ctx, lis, rest, patience) })
	served := make(chan error, 1)
	grpcLis := listen(t)
	go func() { served <- srv.Serve(context.Background(), grpcLis) }()
	s.stop = sync.OnceValue(func() error {
		_ = srv.Shutdown(context.Background())
		return <-served
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// request is what a client sends: as ada, unless the header has another value.
func (s *site) request(method, path, body string, header ...string) *http.Request {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// do sends a request, and returns the response with its body.
func (s *site) do(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(s.request(method, path, body, header...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(text)
}

// parsed returns JSON without its insignificant spaces, and a line of JSON for each line.
func parsed(t *testing.T, text string) (values []any) {
	t.Helper()
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var value any
		if err := dec.Decode(&value); err == io.EOF {
			return values
		} else if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		values = append(values, value)
	}
}

// TestMethods calls each method as REST.
func TestMethods(t *testing.T) {
	s := start(t)
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v1/shelves/1/books/a", "", 200, `{"name": "shelves/1/books/a", "title": "Alpha", "pages": "100"}`},
		{"POST", "/v1/shelves/1/books?book_id=d", `{"title": "Delta"}`, 200, `{"name": "shelves/1/books/d", "title": "Delta", "pages": "0"}`},
		{"PATCH", "/v1/shelves/1/books/d", `{"pages": 3}`, 200, `{"name": "shelves/1/books/d", "title": "Delta", "pages": "3"}`},
		{"PATCH", "/v1/shelves/1/books/d?update_mask=title", `{"title": "D", "pages": 9}`, 200, `{"name": "shelves/1/books/d", "title": "D", "pages": "3"}`},
		{"DELETE", "/v1/shelves/1/books/d", "", 200, `{}`},
		{"GET", "/v1/shelves/9/books", "", 200, `{"books": [], "nextPageToken": ""}`},
		{
			"POST", "/v1/books:import",
			`{"parent": "shelves/2", "bookId": "x", "book": {"title": "X"}}` + "\n" + `{"parent": "shelves/2", "bookId": "y"}`,
			200, `{"imported": "1", "failed": {"1": {
				"code": 3, "message": "invalid request: book.title: must not be empty",
				"details": [
					{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "grpcservice", "reason": "INVALID_REQUEST", "metadata": {}},
					{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [
						{"field": "book.title", "description": "must not be empty", "reason": "", "localizedMessage": null}]}]}}}`,
		},
	} {
		resp, body := s.do(step.method, step.path, step.body)
		if resp.StatusCode != step.status || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s, %s: %s", step.method, step.path, resp.Status, resp.Header.Get("Content-Type"), body)
		}
		if diff := cmp.Diff(parsed(t, step.want), parsed(t, body)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.method, step.path, diff)
		}
	}
}

// TestPages follows the pages of a list.
func TestPages(t *testing.T) {
	s := start(t)
	var titles []string
	for token := ""; ; {
		_, body := s.do("GET", "/v1/shelves/1/books?page_size=2&page_token="+token, "")
		var list struct {
			Books         []struct{ Title string }
			NextPageToken string
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		for _, book := range list.Books {
			titles = append(titles, book.Title)
		}
		if token = list.NextPageToken; token == "" {
			break
		}
	}
	if want := []string{"Alpha", "Beta", "Gamma"}; !slices.Equal(titles, want) {
		t.Errorf("%q, want %q", titles, want)
	}
}

// TestErrors compares the errors of REST with the table of docs/rest.md.
func TestErrors(t *testing.T) {
	s := start(t)
	s.do("DELETE", "/v1/shelves/1/books/x", "")
	s.do("DELETE", "/v1/shelves/1/books/x", "") // the rate is used up
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		code               float64
		reason             string // of ErrorInfo
		details            int
	}{
		"not found":       {method: "GET", path: "/v1/shelves/1/books/x", status: 404, code: 5, reason: "BOOK_UNKNOWN", details: 2},
		"exists":          {method: "POST", path: "/v1/shelves/1/books?book_id=a", body: `{"title": "A"}`, status: 409, code: 6, reason: "BOOK_EXISTS", details: 1},
		"invalid":         {method: "POST", path: "/v1/shelves/1/books", body: `{}`, status: 400, code: 3, reason: "INVALID_REQUEST", details: 2},
		"page token":      {method: "GET", path: "/v1/shelves/1/books?page_token=x", status: 400, code: 3, reason: "PAGE_TOKEN_INVALID", details: 2},
		"no credentials":  {method: "GET", path: "/v1/shelves/1/books/a", header: []string{"Authorization", ""}, status: 401, code: 16, reason: "UNAUTHENTICATED", details: 1},
		"no scope":        {method: "POST", path: "/v1/shelves/1/books?book_id=e", body: `{"title": "E"}`, header: []string{"Authorization", "Bearer " + readersKey}, status: 403, code: 7, reason: "MISSING_SCOPE", details: 1},
		"rate":            {method: "DELETE", path: "/v1/shelves/1/books/x", status: 429, code: 8, reason: "RATE_LIMITED", details: 3},
		"deadline":        {method: "GET", path: "/v1/shelves/1/books/slow", header: []string{"Grpc-Timeout", "50m"}, status: 504, code: 4},
		"stream":          {method: "GET", path: "/v1/shelves/1/books:watch", header: []string{"Authorization", ""}, status: 401, code: 16, reason: "UNAUTHENTICATED", details: 1},
		"no path":         {method: "GET", path: "/v2/books", status: 404, code: 5},
		"no method":       {method: "PUT", path: "/v1/shelves/1/books/a", status: 501, code: 12},
		"no JSON":         {method: "POST", path: "/v1/shelves/1/books?book_id=e", body: `{"title": `, status: 400, code: 3},
		"wrong type":      {method: "POST", path: "/v1/shelves/1/books?book_id=e", body: `{"title": 7}`, status: 400, code: 3},
		"wrong parameter": {method: "GET", path: "/v1/shelves/1/books?page_size=x", status: 400, code: 3},
		"large body":      {method: "POST", path: "/v1/shelves/1/books?book_id=e", body: `{"title": "` + strings.Repeat("x", maxBody) + `"}`, status: 400, code: 3},
		"large message":   {method: "POST", path: "/v1/shelves/1/books?book_id=e", body: `{"title": "` + strings.Repeat("x", 200000) + `"}`, status: 413, code: 8, reason: "REQUEST_TOO_LARGE", details: 1},
		"timeout":         {method: "GET", path: "/v1/shelves/1/books/a", header: []string{"Grpc-Timeout", "soon"}, status: 400, code: 3},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.do(test.method, test.path, test.body, test.header...)
			var status struct {
				Error   json.RawMessage
				Code    float64
				Message string
				Details []struct{ Reason string }
			}
			if err := json.Unmarshal([]byte(body), &status); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if status.Error != nil { // of a stream
				if err := json.Unmarshal(status.Error, &status); err != nil {
					t.Fatal(err)
				}
			}
			reason := ""
			if len(status.Details) > 0 {
				reason = status.Details[0].Reason
			}
			if resp.StatusCode != test.status || status.Code != test.code || reason != test.reason || len(status.Details) != test.details {
				t.Errorf("%s: %s", resp.Status, body)
			}
			if got := resp.Header.Get("Retry-After"); (got != "") != (name == "rate") {
				t.Errorf("Retry-After: %q", got)
			}
			if resp.Header.Get("X-Request-Id") == "" {
				t.Error("no request ID")
			}
		})
	}
}

// TestOtherOrigins checks that a page of another origin cannot change anything: neither with JSON,
// which a browser would ask about, nor with a form, which it would not.
func TestOtherOrigins(t *testing.T) {
	s := start(t)
	for _, contentType := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded"} {
		resp, body := s.do("POST", "/v1/shelves/1/books?book_id=evil", `{"title": "Evil"}`,
			"Content-Type", contentType, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com")
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s %s", contentType, resp.Status, body)
		}
	}
	resp, _ := s.do("POST", "/v1/shelves/1/books/a", "x=y", "Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "DELETE")
	if resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("a method in a header: %s", resp.Status)
	}
}

// TestHeaders checks what a method learns of the HTTP request, and the caller of the call.
func TestHeaders(t *testing.T) {
	s := start(t, server.WithTrustedProxies(netip.MustParsePrefix("127.0.0.1/32")))
	resp, body := s.do("GET", "/v1/shelves/1/books/metadata", "",
		"X-Request-Id", "r-1", "Traceparent", "00-1", "Cookie", "a=b", "Grpc-Metadata-X-Role", "admin",
		"Grpc-Metadata-X-Forwarded-For", "192.0.2.66", "X-Forwarded-For", "192.0.2.5, 192.0.2.7")
	var book struct{ Name, Title string }
	if err := json.Unmarshal([]byte(body), &book); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if want := "r-1 ada 192.0.2.7"; book.Name != want {
		t.Errorf("request ID, principal and peer: %q, want %q", book.Name, want)
	}
	if want := "authorization traceparent x-forwarded-for x-forwarded-host x-request-id"; book.Title != want {
		t.Errorf("metadata: %q, want %q", book.Title, want)
	}
	if got := resp.Header; got.Get("X-Request-Id") != "r-1" || got.Get("X-Shelf") != "new" {
		t.Errorf("headers: %v", got)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Grpc-") || name == "Internal" {
			t.Errorf("header %s", name)
		}
	}
	if !strings.Contains(s.log.String(), `"request_id":"r-1"`) {
		t.Errorf("the log does not have the request ID: %s", s.log)
	}
	if resp, _ := s.do("GET", "/v1/shelves/1/books/a", "", "X-Request-Id", "a b"); resp.Header.Get("X-Request-Id") == "a b" {
		t.Error("an invalid request ID is accepted")
	}
}

// TestDeadlines checks that the policy shortens what a client asks for, and that a method learns
// that its caller is gone.
func TestDeadlines(t *testing.T) {
	s := start(t)
	req := s.request("GET", "/v1/shelves/1/books/slow", "", "Grpc-Timeout", "1H")
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req.WithContext(ctx))
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	select {
	case left := <-s.deadlines:
		if left > 10*time.Second {
			t.Errorf("the call has %v left; its policy allows 10s", left)
		}
	case err := <-gone:
		t.Fatalf("the call has not reached its method: %v", err)
	}
	cancel()
	if err := <-s.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the method: %v", err)
	}
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestStream reads a stream line by line while it continues, and then shuts the server down.
func TestStream(t *testing.T) {
	s := start(t)
	resp, err := http.DefaultClient.Do(s.request("GET", "/v1/shelves/1/books:watch", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() (line struct {
		Result struct{ Title string }
		Error  struct {
			Code    int
			Details []struct{ Reason string }
		}
	}) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the stream has ended: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		return line
	}
	for _, want := range []string{"Alpha", "Beta", "Gamma"} {
		if line := next(); line.Result.Title != want {
			t.Errorf("%+v, want %s", line, want)
		}
	}
	s.do("POST", "/v1/shelves/1/books?book_id=d", `{"title": "Delta"}`)
	if line := next(); line.Result.Title != "Delta" {
		t.Errorf("%+v, want Delta", line)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	if line := next(); line.Error.Code != 14 || len(line.Error.Details) != 1 || line.Error.Details[0].Reason != "SERVER_DRAINING" {
		t.Errorf("%+v, want SERVER_DRAINING", line)
	}
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("after the error: %q, %v", lines.Text(), lines.Err())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestTimeLimits checks that the time for a body ends with it, and that a response has one for each
// write.
func TestTimeLimits(t *testing.T) {
	rec := &deadlines{header: make(http.Header)}
	req, err := http.NewRequest("POST", "/", io.NopCloser(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		_, _ = w.Write([]byte("one"))
		_, _ = w.Write([]byte("two"))
	})).ServeHTTP(rec, req)
	if len(rec.read) != 2 || rec.read[0].IsZero() || !rec.read[1].IsZero() {
		t.Errorf("deadlines of the body: %v", rec.read)
	}
	if len(rec.write) != 2 || slices.ContainsFunc(rec.write, time.Time.IsZero) {
		t.Errorf("deadlines of the response: %v", rec.write)
	}
}

// deadlines is a response that records deadlines.
type deadlines struct {
	header      http.Header
	read, write []time.Time
}

func (d *deadlines) Header() http.Header         { return d.header }
func (d *deadlines) Write(p []byte) (int, error) { return len(p), nil }
func (d *deadlines) WriteHeader(int)             {}
func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}
func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = append(d.write, at)
	return nil
}
