package server

import (
	"io"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime/internal/jsonlog"
)

// NewJSONHandler returns a handler that writes what [slog.NewJSONHandler] with the same options
// writes, byte for byte. For [WithLogger], it makes the access log cheaper: what the records of a
// method have in common is encoded when the method is registered.
//
//	srv := server.New(server.WithLogger(slog.New(server.NewJSONHandler(os.Stderr, nil))))
//
// A handler around it, and ReplaceAttr in the options, make records cost what they do with slog.
func NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
	return jsonlog.New(w, opts)
}
