package web

import (
	"errors"
	"net/http"
	"sync/atomic"

	"connectrpc.com/connect/v2/connecthttp"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Handler serves the methods of a server over HTTP. It is safe for concurrent use.
type Handler struct {
	host     *server.Host
	settings *settings
	origins  *origins
	errors   *connecthttp.ErrorWriter
	methods  atomic.Pointer[methods]

	uncompressed *uncompressed
	headers      headerPool
	encoded      encodedPool
	timers       readTimers
}

// New returns a handler for an HTTP server of your own:
//
//	mux.Handle("/", handler)
//
// The paths are those of gRPC: "/library.v1.BookService/GetBook". Calls run through the pipeline of
// srv, and its shutdown waits for them; until srv serves, they are served too. Your HTTP server has
// the connections: set its ReadHeaderTimeout, IdleTimeout and MaxHeaderBytes, but neither
// ReadTimeout nor WriteTimeout, which cut streams. Clients of gRPC need HTTP/2. The bounds of
// connections, the PROXY protocol and the TLS of srv do not apply; everything else does.
//
// It returns an error for invalid options.
func New(srv *server.Server, opts ...Option) (*Handler, error) {
	if srv == nil {
		return nil, errors.New("web.New(nil): pass a server")
	}
	return newHandler(srv.Host(), opts)
}

func newHandler(host *server.Host, opts []Option) (*Handler, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	return &Handler{
		host: host, settings: s, origins: newOrigins(s), errors: connecthttp.NewErrorWriter(),
		uncompressed: new(uncompressed),
	}, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor > 1 {
		growStack(0)
	} else if c := connIn(r.Context()); c != nil && c.raw != nil {
		c.raw.Finishing(false) // until the end of a call; a fallback may take the connection over
	}
	if h.answers(w, r) {
		limitLeftover(w, r)
		return
	}
	shared := h.origins.share(w.Header(), r)
	m := h.handlerOf(r)
	if m == nil {
		h.serveOther(w, r, shared)
		limitLeftover(w, r)
		return
	}
	c := newCall(h, w, r, shared)
	defer c.finish()
	c.openBothWays()
	c.limitQuery(r)
	m.ServeHTTP(&c.response, c.request)
	c.complete = true
}

// answers answers requests of versions and origins that are not served, and preflights. It reports
// whether it has.
func (h *Handler) answers(w http.ResponseWriter, r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusHTTPVersionNotSupported)
		return true
	}
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// It may have had a length too, which net/http drops. A proxy that went by the length has
		// another idea of where the request ends, so nothing may follow (RFC 9112, 6.1).
		w.Header().Set("Connection", "close")
	}
	if h.origins.preflight(w, r) {
		return true
	}
	err := h.origins.check(r)
	if err != nil {
		h.rejectPage(w, r, err)
	}
	return err != nil
}
