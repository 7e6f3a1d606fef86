// Package apiservertest is a Kubernetes API server for tests of package endpointslice and of
// programs that use it. It has EndpointSlices only, and serves them as the real one does: lists in
// pages, watches with bookmarks that resume from a resource version until the history is gone, and
// tokens. Tests can break each of these.
package apiservertest

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Server is the API server. Its methods may be called concurrently.
type Server struct {
	t       testing.TB
	dir     string
	address string

	mu      sync.Mutex
	http    *httptest.Server // nil while it is stopped
	stopped chan struct{}    // closed by Stop

	token     string
	forbidden []string // verbs
	intercept func(http.ResponseWriter, *http.Request) bool
	requests  []url.Values
	pageLen   int
	bookmarks time.Duration

	version int
	objects map[string]object // by namespace/name
	history []event
	oldest  int // the first version that a watch can start from
	pages   map[string]snapshot
	changed chan struct{} // closed by the next change
	end     chan bool     // closed by the next EndWatches; see cut
	cut     bool          // whether that cuts them in the middle of a line
}

type event struct {
	version int
	kind    string
	object  object
}

// Start starts a server, which stops when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		t: t, dir: t.TempDir(), address: "127.0.0.1:0", token: "token-1", bookmarks: time.Minute,
		version: 1, objects: map[string]object{}, pages: map[string]snapshot{},
		changed: make(chan struct{}), end: make(chan bool),
	}
	s.Restart()
	t.Cleanup(s.Stop)
	s.write("ca.crt", string(pem.EncodeToMemory(
		&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})))
	s.write("token", s.token)
	s.write("namespace", "default")
	return s
}

// write replaces a file of the service account, as Kubernetes does.
func (s *Server) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.WriteFile(path+".new", []byte(content), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// URL returns the URL of the server. It stays the same over restarts.
func (s *Server) URL() string { return "https://" + s.address }

// TokenFile returns the path of the file with the token that the server accepts.
func (s *Server) TokenFile() string { return filepath.Join(s.dir, "token") }

// CAFile returns the path of the file with the server's CA.
func (s *Server) CAFile() string { return filepath.Join(s.dir, "ca.crt") }

// NamespaceFile returns the path of the file with the namespace "default".
func (s *Server) NamespaceFile() string { return filepath.Join(s.dir, "namespace") }

// Stop closes the port and all connections. The slices stay.
func (s *Server) Stop() {
	s.mu.Lock()
	server := s.http
	if server != nil {
		s.http = nil
		close(s.stopped)
	}
	s.mu.Unlock()
	if server != nil {
		server.CloseClientConnections()
		server.Close()
	}
}

// Restart stops the server if it runs, and starts it on the same port.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	var listener net.Listener
	var err error
	for range 100 { // another process may have the port for a moment
		if listener, err = net.Listen("tcp", s.address); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	_ = server.Listener.Close()
	server.Listener = listener
	server.EnableHTTP2 = true
	server.StartTLS()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = listener.Addr().String()
	s.http, s.stopped = server, make(chan struct{})
}

// Put adds a slice, or replaces the one with its name.
func (s *Server) Put(slice Slice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := slice.object()
	key := o.Metadata.Namespace + "/" + o.Metadata.Name
	kind := "ADDED"
	if _, ok := s.objects[key]; ok {
		kind = "MODIFIED"
	}
	s.objects[key] = s.record(kind, o)
}

// Delete removes a slice.
func (s *Server) Delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := namespace + "/" + name
	if o, ok := s.objects[key]; ok {
		s.record("DELETED", o)
		delete(s.objects, key)
	}
}

// record adds an event to the history, and returns its object with the new version. The caller
// holds the mutex.
func (s *Server) record(kind string, o object) object {
	s.version++
	o.Metadata.ResourceVersion = strconv.Itoa(s.version)
	s.history = append(s.history, event{s.version, kind, o})
	s.wake()
	return o
}

// wake wakes all watches. The caller holds the mutex.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Compact forgets the history: watches from before it, and the next pages of lists, get 410 Gone.
// Watches that are running continue.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++ // by an object of another kind
	s.oldest = s.version
	clear(s.pages)
}

// EndWatches ends all watches, as the API server does when their time is over.
func (s *Server) EndWatches() { s.endWatches(false) }

// CutWatches sends the half of an event to each watch, and closes its connection.
func (s *Server) CutWatches() { s.endWatches(true) }

func (s *Server) endWatches(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.end)
	s.end, s.cut = make(chan bool), cut
}

// SetToken replaces the token that the server accepts and the one in the file.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	s.token = token
	s.mu.Unlock()
	s.write("token", token)
}

// Forbid sets the verbs that the service account may not use, such as "list" and "watch".
func (s *Server) Forbid(verbs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbidden = verbs
}

// SetPageLen sets how many slices a page of a list has at most, whatever the request says.
func (s *Server) SetPageLen(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageLen = n
}

// SetBookmarks sets the time between bookmarks, which is a minute; 0 turns them off.
func (s *Server) SetBookmarks(every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bookmarks = every
}

// Intercept sets a function that sees each request first, and reports whether it has responded. Nil
// removes it.
func (s *Server) Intercept(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = f
}

// Requests returns the queries of all requests so far.
func (s *Server) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// SendStatus responds to a request as the API server does to one that it rejects.
func SendStatus(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, "%s", encode(failure(code, reason, message)))
}
