package apiservertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type of this package
	}
	return append(text, '\n')
}

func failure(code int, reason, message string) status {
	return status{
		Kind: "Status", APIVersion: "v1", Status: "Failure",
		Message: message, Reason: reason, Code: code,
	}
}

// serve serves one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	verb := "list"
	if query.Get("watch") == "1" || query.Get("watch") == "true" {
		verb = "watch"
	}
	s.mu.Lock()
	s.requests = append(s.requests, query)
	intercept, token, forbidden := s.intercept, s.token, slices.Contains(s.forbidden, verb)
	s.mu.Unlock()
	if intercept != nil && intercept(w, r) {
		return
	}
	namespace, ok := strings.CutPrefix(r.URL.Path, "/apis/discovery.k8s.io/v1/namespaces/")
	namespace, isSlices := strings.CutSuffix(namespace, "/endpointslices")
	service, isSelector := strings.CutPrefix(query.Get("labelSelector"), serviceLabel+"=")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token:
		SendStatus(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case !ok || !isSlices || r.Method != http.MethodGet:
		SendStatus(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	case !isSelector:
		SendStatus(w, http.StatusBadRequest, "BadRequest", "a selector of one service is required here")
	case forbidden:
		SendStatus(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(
			`endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:%s:default"`+
				` cannot %s resource "endpointslices" in API group "discovery.k8s.io" in the namespace %q`,
			namespace, verb, namespace))
	case verb == "watch":
		s.watch(w, r, scope{namespace, service}, query)
	default:
		s.list(w, scope{namespace, service}, query)
	}
}

// scope selects the slices of a request.
type scope struct{ namespace, service string }

func (s scope) has(o object) bool {
	return o.Metadata.Namespace == s.namespace && o.Metadata.Labels[serviceLabel] == s.service
}

// snapshot is the rest of a list.
type snapshot struct {
	version string
	items   []object
}

func (s *Server) list(w http.ResponseWriter, of scope, query url.Values) {
	s.mu.Lock()
	rest, ok := s.snapshot(of, query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	if s.pageLen > 0 && limit > 0 {
		limit = s.pageLen
	}
	page := list{
		Kind: "EndpointSliceList", APIVersion: apiVersion,
		Metadata: meta{ResourceVersion: rest.version}, Items: rest.items,
	}
	if limit > 0 && len(rest.items) > limit {
		page.Items, rest.items = rest.items[:limit], rest.items[limit:]
		page.Metadata.Continue = fmt.Sprintf("page-%d-%d", s.version, len(s.pages))
		s.pages[page.Metadata.Continue] = rest
	}
	s.mu.Unlock()
	if !ok {
		SendStatus(w, http.StatusGone, "Expired",
			"The provided continue parameter is too old to display a consistent list result.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encode(page))
}

// snapshot returns the slices to list. The caller holds the mutex.
func (s *Server) snapshot(of scope, token string) (snapshot, bool) {
	if token != "" {
		rest, ok := s.pages[token]
		return rest, ok
	}
	all := snapshot{version: strconv.Itoa(s.version), items: []object{}}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; of.has(o) {
			all.items = append(all.items, o)
		}
	}
	return all, true
}

type wireEvent struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request, of scope, query url.Values) {
	version, err := strconv.Atoi(query.Get("resourceVersion"))
	if err != nil {
		SendStatus(w, http.StatusBadRequest, "BadRequest", "a watch without a resourceVersion")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()
	seconds, _ := strconv.Atoi(query.Get("timeoutSeconds"))
	timeout := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timeout.Stop()
	s.mu.Lock()
	end, stopped, bookmarks, expired := s.end, s.stopped, s.bookmarks, version < s.oldest
	s.mu.Unlock()
	if expired { // as the API server does it: the status of HTTP has been sent
		_, _ = w.Write(encode(wireEvent{"ERROR", failure(http.StatusGone, "Expired",
			fmt.Sprintf("too old resource version: %d (%d)", version, s.oldest))}))
		return
	}
	var bookmark <-chan time.Time
	if bookmarks > 0 && query.Get("allowWatchBookmarks") == "true" {
		ticker := time.NewTicker(bookmarks)
		defer ticker.Stop()
		bookmark = ticker.C
	}
	for {
		text, latest, changed := s.since(of, version)
		version = latest
		if len(text) > 0 {
			_, _ = w.Write(text)
			_ = flusher.Flush()
		}
		select {
		case <-changed:
		case <-bookmark:
			_, _ = w.Write(encode(wireEvent{"BOOKMARK", object{
				Kind: "EndpointSlice", APIVersion: apiVersion,
				Metadata: meta{ResourceVersion: strconv.Itoa(version)},
			}}))
			_ = flusher.Flush()
		case <-end:
			s.finish(w, flusher)
			return
		case <-timeout.C:
			return
		case <-stopped:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

// finish ends a watch, or cuts it.
func (s *Server) finish(w http.ResponseWriter, flusher *http.ResponseController) {
	s.mu.Lock()
	cut := s.cut
	s.mu.Unlock()
	if !cut {
		return
	}
	_, _ = w.Write([]byte(`{"type":"MODIFIED","object":{"kind":"EndpointSl`))
	_ = flusher.Flush()
	panic(http.ErrAbortHandler)
}

// since returns the events after a version, the latest version, and what is closed by the next
// change.
func (s *Server) since(of scope, version int) (text []byte, latest int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.history {
		if e.version > version && of.has(e.object) {
			text = append(text, encode(wireEvent{e.kind, e.object})...)
		}
	}
	return text, s.version, s.changed
}
