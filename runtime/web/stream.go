package web

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// body is the body of a request.
type body struct {
	io.ReadCloser
	ended  atomic.Bool // it was read to its end
	failed atomic.Bool // reading has failed
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
	default:
		b.failed.Store(true)
	}
	return n, err
}

// Close implements io.Closer. The HTTP server closes the body: here, it would wait for the rest of
// the request before the response is sent.
func (*body) Close() error { return nil }

// response is the response to a request.
type response struct {
	http.ResponseWriter
	control http.ResponseController
	shared  bool  // with the page of another origin
	settles *call // settles its request before the header is sent; or nil
	missing bool  // the path is that of no method
	held    bool  // what is written is sent when the handler returns
	wrote   bool  // the header
	code    int   // of the header; 0 if it was not set
	written atomic.Int64
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(code int) {
	w.start()
	if w.missing && code == http.StatusNotImplemented {
		code = http.StatusNotFound
	}
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// start runs before the header is sent.
func (w *response) start() {
	if w.wrote {
		return
	}
	w.wrote = true
	if w.settles != nil {
		w.settles.settleRequest()
	}
	if w.shared {
		expose(w.Header())
	}
}

// chunk is how many bytes are written at once, so that a client that reads slowly differs from one
// that does not read.
const chunk = 32 << 10

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (n int, err error) {
	w.start()
	for {
		some, err := w.ResponseWriter.Write(p[:min(chunk, len(p))])
		n += some
		w.written.Add(int64(some))
		if p = p[some:]; err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Flush implements [http.Flusher]. The protocols flush each message and the status.
func (w *response) Flush() {
	w.start()
	if !w.held {
		_ = w.control.Flush()
	}
}

// expose lets pages of another origin read the headers of a response.
func expose(header http.Header) {
	names := make([]string, 0, len(header))
	for name := range header {
		name = strings.TrimPrefix(name, http.TrailerPrefix)
		if !strings.HasPrefix(name, "Access-Control-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	header.Set("Access-Control-Expose-Headers", strings.Join(names, ", "))
}
