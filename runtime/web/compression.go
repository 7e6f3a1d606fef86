package web

import (
	"compress/gzip"
	"io"
	"sync"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// offersCompression reports whether the protocols learn that a client accepts compressed responses.
// They do not if the server compresses only those of callers that compress their requests.
func (h *Handler) offersCompression() bool {
	whose, _ := h.host.Compression()
	return whose == server.CompressAccepted
}

// compressor is connect's gzip. The protocols decide about compression before the method runs.
// A message of which the method, or the server, decides otherwise is sent in the format of gzip
// without being compressed, so that its size says nothing about its content.
type compressor struct {
	*connectgzip.Compressor
	stored       *connectgzip.Compressor
	uncompressed *uncompressed
}

func newCompressor(u *uncompressed) compressor {
	return compressor{connectgzip.New(), connectgzip.New(connectgzip.WithLevel(gzip.NoCompression)), u}
}

// Compress implements [connect.Compressor].
func (c compressor) Compress(dst io.Writer) (io.WriteCloser, error) {
	return &compressing{compressor: c, dst: dst}, nil
}

// compressing chooses how to compress when it knows the message.
type compressing struct {
	compressor
	dst io.Writer
	to  io.WriteCloser
}

// Write implements io.Writer.
func (w *compressing) Write(p []byte) (int, error) {
	if err := w.choose(p); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}

// choose chooses by the start of the message.
func (w *compressing) choose(p []byte) (err error) {
	if w.to != nil {
		return nil
	}
	by := w.compressor.Compressor
	if w.uncompressed.has(p) {
		by = w.stored
	}
	w.to, err = by.Compress(w.dst)
	return err
}

// Close implements io.Closer.
func (w *compressing) Close() error {
	if err := w.choose(nil); err != nil {
		return err
	}
	return w.to.Close()
}

// uncompressed are encoded messages that must not be compressed, by where they start in memory: the
// codec, which knows the call, passes them to the compressor, which does not, in the same buffer.
type uncompressed struct{ starts sync.Map }

// mark adds a message, and returns its mark.
func (u *uncompressed) mark(message []byte) (mark *byte) {
	if len(message) == 0 {
		return nil
	}
	u.starts.Store(&message[0], nil)
	return &message[0]
}

// remove removes a mark. The buffer may be used for another message then.
func (u *uncompressed) remove(mark *byte) {
	if mark != nil {
		u.starts.Delete(mark)
	}
}

func (u *uncompressed) has(message []byte) bool {
	if len(message) == 0 {
		return false
	}
	_, ok := u.starts.Load(&message[0])
	return ok
}

var _ connect.Compressor = compressor{}
