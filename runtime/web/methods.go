package web

import (
	"math"
	"mime"
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// methods are the handlers of the methods that a server has at one time, by their paths.
type methods struct {
	of       *server.Methods
	byPath   map[string]*mounted
	services map[string]bool // their names
	// unknown serves calls of other paths, streams those in the framing of streams.
	unknown, streams *mounted
}

// mounted is what serves a method, or an unknown one.
type mounted struct{ http.Handler }

// The paths of what serves unknown methods. No request has them: a method's has no "?".
const (
	unknownUnary  = "/?/unary"
	unknownStream = "/?/stream"
)

// current returns the handlers of the methods that the server has now.
func (h *Handler) current() *methods {
	of := h.host.Methods()
	if m := h.methods.Load(); m != nil && m.of == of {
		return m
	}
	m := h.mount(of)
	h.methods.Store(m)
	return m
}

// Handle implements [connecthttp.ServeMux].
func (m *methods) Handle(pattern string, handler http.Handler) {
	if !strings.HasSuffix(pattern, "/") { // those are of Mount, for unknown methods of known services
		m.byPath[pattern] = &mounted{Handler: handler}
	}
}

// mount returns handlers for methods.
func (h *Handler) mount(of *server.Methods) *methods {
	front := connect.NewServer()
	m := &methods{of: of, byPath: make(map[string]*mounted), services: make(map[string]bool)}
	for _, info := range of.All() {
		m.services[info.Service] = true
		front.Register(connect.Method{Spec: specOf(info), Handler: serve})
	}
	front.Register(
		connect.Method{Spec: connect.Spec{Procedure: unknownUnary}, Handler: serve},
		connect.Method{
			Spec: connect.Spec{Procedure: unknownStream, StreamType: connect.StreamTypeServer}, Handler: serve,
		})
	connecthttp.Mount(m, front, h.options()...)
	m.unknown, m.streams = missing(m.byPath[unknownUnary]), m.byPath[unknownStream]
	delete(m.byPath, unknownUnary)
	delete(m.byPath, unknownStream)
	return m
}

// missing serves unary calls of Connect that name no method: with the HTTP status of a missing page.
func missing(next *mounted) *mounted {
	return &mounted{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w, ok := w.(*response); ok {
			w.missing = true
		}
		next.ServeHTTP(w, r)
	})}
}

// options returns the options of the protocols.
func (h *Handler) options() []connecthttp.Option {
	whose, minBytes := h.host.Compression()
	if whose == server.CompressNever {
		minBytes = math.MaxInt
	}
	return []connecthttp.Option{
		connecthttp.WithCodecs(h.newCodecs()...),
		connecthttp.WithCompressors(newCompressor(h.uncompressed)),
		connecthttp.WithCompressMinBytes(minBytes),
		connecthttp.WithReadMaxBytes(h.settings.maxRequest),
		connecthttp.WithSendMaxBytes(h.settings.maxResponse),
	}
}

// specOf describes a method as the protocols need it.
func specOf(info runtime.MethodInfo) connect.Spec {
	spec := connect.Spec{Procedure: info.FullMethod, StreamType: connect.StreamTypeUnary}
	if info.Descriptor != nil {
		spec.Schema = info.Descriptor
	}
	switch info.Kind {
	case runtime.KindClientStream:
		spec.StreamType = connect.StreamTypeClient
	case runtime.KindServerStream:
		spec.StreamType = connect.StreamTypeServer
	case runtime.KindBidi:
		spec.StreamType = connect.StreamTypeBidi
	}
	switch info.Policy.Idempotency {
	case runtime.NoSideEffects:
		spec.IdempotencyLevel = connect.IdempotencyNoSideEffects
	case runtime.Idempotent:
		spec.IdempotencyLevel = connect.IdempotencyIdempotent
	}
	return spec
}

// handlerOf returns what serves the call that a request is; nil if it is none.
func (h *Handler) handlerOf(r *http.Request) *mounted {
	m := h.current()
	if handler, known := m.byPath[r.URL.Path]; known {
		return handler
	}
	framed := isFramed(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		return nil
	case framed:
		return m.streams
	case h.settings.fallback != nil && !m.services[serviceIn(r.URL.Path)]:
		return nil
	default:
		return m.unknown
	}
}

// serviceIn returns the service in the path of a method.
func serviceIn(path string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return service
}

// isFramed reports whether a content type is one of gRPC, gRPC-Web, or streams of Connect.
func isFramed(contentType string) bool {
	name, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(name, "application/grpc") ||
		strings.HasPrefix(name, "application/connect+"))
}
