package web

import (
	"net/http"
	"net/url"
	"strings"
)

// origins decides about requests of pages in browsers.
type origins struct {
	names   map[string]bool
	all     bool
	cookies bool
}

func newOrigins(s *settings) *origins { return &origins{s.origins, s.origins["*"], s.cookies} }

// preflightAge is how long a browser may remember the answer to a preflight, in seconds: the most
// that Chromium does.
const preflightAge = "7200"

// preflight answers the question of a browser whether a page may send a request. It reports whether
// the request is one.
func (o *origins) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header := w.Header()
	header.Add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	if !o.lists(r.Header.Get("Origin")) {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	o.allow(header, r)
	header.Set("Access-Control-Allow-Methods", "GET, POST")
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		header.Set("Access-Control-Allow-Headers", names) // the page may send any metadata
	}
	header.Set("Access-Control-Max-Age", preflightAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// check returns the error of a request from a page that may not send it. A request without Origin
// is not one of a page; a GET changes nothing.
func (o *origins) check(r *http.Request) error {
	origin := r.Header.Get("Origin")
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return nil
	case origin == "":
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
			return errOrigin(site)
		}
		return nil
	case o.lists(origin), isSame(origin, r):
		return nil
	}
	return errOrigin(origin)
}

// share lets the page of another origin read the response, if it may, and reports whether it does.
func (o *origins) share(header http.Header, r *http.Request) bool {
	if len(o.names) == 0 {
		return false
	}
	header.Add("Vary", "Origin") // the response is for this page alone
	if !o.lists(r.Header.Get("Origin")) {
		return false
	}
	o.allow(header, r)
	return true
}

// allow adds the headers that say which page may read a response.
func (o *origins) allow(header http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if o.all {
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if o.cookies {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
}

// lists reports whether an origin is one of the option.
func (o *origins) lists(origin string) bool {
	return origin != "" && (o.all || o.names[origin])
}

// isSame reports whether an origin is the one that a request was sent to.
func isSame(origin string, r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
