package admin

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Handler returns the page, for an HTTP server of your own. The handler checks hosts and origins as
// the page's own server does; it does not authenticate. Live rates need [Page.Start].
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", p.showOverview)
	mux.HandleFunc("/method", p.showMethod)
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("/readyz", p.ready)
	if p.metrics != nil {
		mux.Handle("/metrics", p.metrics)
	}
	if p.profiles {
		mux.HandleFunc("/debug/pprof/", unhurried(pprof.Index))
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", unhurried(pprof.Profile))
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", unhurried(pprof.Trace))
	}
	return p.guard(mux)
}

// guard rejects requests that a web site may have caused, and all that could change something.
func (p *Page) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", p.policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			writeText(w, http.StatusMethodNotAllowed, "only GET and HEAD are served\n")
		case !p.admits(r.Host):
			writeText(w, http.StatusForbidden, fmt.Sprintf("the Host header %q is neither an IP address nor a loopback name; "+
				"name it with admin.WithHosts\n", cut(r.Host, maxID)))
		case !sameOrigin(r):
			writeText(w, http.StatusForbidden, "requests of other origins are not served\n")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// sameOrigin reports whether a request comes from the page itself, from the address bar, or from
// something that is no browser.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	from, err := url.Parse(origin)
	return err == nil && from.Host == r.Host
}

// unhurried returns a handler with more time for the response: a profile takes the seconds that the
// request asks for.
func unhurried(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxProfile))
		next(w, r)
	}
}

// maxProfile is how long a profile may take, with its transfer.
const maxProfile = 5 * time.Minute

// writeText writes a response of plain text.
func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text))
}

// ready reports whether all servers serve and all their services are SERVING.
func (p *Page) ready(w http.ResponseWriter, _ *http.Request) {
	var missing []string
	all := p.all()
	if len(all) == 0 {
		missing = append(missing, "no server has started")
	}
	for _, watched := range all {
		missing = append(missing, notReady(watched.Status())...)
	}
	if len(missing) > 0 {
		writeText(w, http.StatusServiceUnavailable, strings.Join(missing, "\n")+"\n")
		return
	}
	writeText(w, http.StatusOK, "ok\n")
}

// notReady returns why a server is not ready.
func notReady(s server.Status) (why []string) {
	if s.State != server.StateServing {
		why = append(why, "the server is "+s.State.String())
	}
	for _, service := range s.Services {
		if service.Health != "SERVING" {
			why = append(why, service.Name+" is "+service.Health)
		}
	}
	return why
}

func (p *Page) showOverview(w http.ResponseWriter, r *http.Request) {
	p.show(w, "overview", p.overview(r.Context(), refreshOf(r)))
}

func (p *Page) showMethod(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	view, ok := p.methodPage(name, refreshOf(r))
	if !ok {
		writeText(w, http.StatusNotFound, fmt.Sprintf("no server has a method %q\n", cut(name, maxID)))
		return
	}
	p.show(w, "method", view)
}

// refreshOf returns after how many seconds a browser loads the page again; 0 for never.
func refreshOf(r *http.Request) int {
	seconds, err := strconv.Atoi(r.URL.Query().Get("refresh"))
	if err != nil || seconds < 1 || seconds > 300 {
		return 0
	}
	return seconds
}

// show executes a template. It is complete before the first byte is sent.
func (p *Page) show(w http.ResponseWriter, name string, view any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, view); err != nil {
		p.logger().Error("admin page", "error", err)
		writeText(w, http.StatusInternalServerError, "the page cannot be shown; the log has the reason\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}
