package web

import (
	"net/http"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// noteRejected logs a call that the protocol has answered by itself. Requests that are no calls of
// any protocol, which it answers as HTTP does, are not logged.
func (c *call) noteRejected() {
	switch c.response.code {
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusHTTPVersionNotSupported:
		return
	}
	err := errHeaders
	if c.hasUnknownEncoding() {
		err = errEncoding
	}
	c.logRejected(err)
}

// logRejected logs a call that has not entered the pipeline.
func (c *call) logRejected(err error) {
	c.ctx, c.info = c.request.Context(), new(connect.CallInfo)
	c.peer = c.conn.peer(c.request)
	c.handler.host.Reject(c, err)
}

// rejectPage answers a request of a page that may not send it, and logs it if it is a call.
func (h *Handler) rejectPage(w http.ResponseWriter, r *http.Request, err error) {
	_ = h.errors.Write(w, r, connectError(err)) // fails if the client is gone
	if m := h.handlerOf(r); m != nil {
		c := newCall(h, w, r, false)
		defer c.finish()
		c.logRejected(err)
	}
}

// The errors in the log of calls that the protocols reject.
var (
	errEncoding = rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the compression of the request is not supported").Fixed()
	errHeaders  = rpcerr.ReasonInvalidRequest.Errorf(codes.InvalidArgument, "the headers of the request are malformed").Fixed()
)

// hasUnknownEncoding reports whether the request is compressed by something else than gzip.
func (c *call) hasUnknownEncoding() bool {
	for _, name := range []string{"Content-Encoding", "Grpc-Encoding", "Connect-Content-Encoding"} {
		switch c.request.Header.Get(name) {
		case "", connect.CompressionNameIdentity, connect.CompressionNameGzip:
		default:
			return true
		}
	}
	return false
}
