package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// serveOther serves a request that is no call.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request, shared bool) {
	if h.settings.fallback == nil {
		http.NotFound(w, r)
		return
	}
	connIn(r.Context()).arrived(w)
	control := http.NewResponseController(w)
	body := &body{ReadCloser: http.MaxBytesReader(w, r.Body, int64(h.settings.maxRequest))}
	body.ended.Store(r.Body == http.NoBody) // it may be a stream of events, or become a WebSocket
	defer readWithin(server.DefaultTimeout, body, control)()
	r = r.WithContext(r.Context())
	r.Body = body
	h.settings.fallback.ServeHTTP(&response{ResponseWriter: w, control: *control, shared: shared}, r)
}

// readWithin makes reading a body fail after a time. Call stop before the request ends.
func readWithin(d time.Duration, body *body, control *http.ResponseController) (stop func()) {
	var mu sync.Mutex
	stopped := false
	timer := time.AfterFunc(d, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped && !body.ended.Load() {
			_ = control.SetReadDeadline(longAgo)
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}
