package web

import (
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The headers by which clients accept compressed responses.
var acceptHeaders = [...]string{"Accept-Encoding", "Grpc-Accept-Encoding", "Connect-Accept-Encoding"}

// negotiate hides from the protocol that the client accepts compressed responses, if the server
// compresses only those of callers that compress their requests.
func (h *Handler) negotiate(c *call) {
	if whose, _ := h.host.Compression(); whose == server.CompressAccepted {
		return
	}
	header := c.request.Header
	for _, name := range acceptHeaders {
		if _, ok := header[name]; ok {
			header = header.Clone()
			break
		}
	}
	for _, name := range acceptHeaders {
		delete(header, name)
	}
	c.request.Header = header
}
