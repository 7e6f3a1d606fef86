package encoded

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
)

// Formats are the ways in which the streams of a server encode messages, each found when a stream
// first needs it. The zero value is ready to use.
//
// [grpc.PreparedMsg] reads the codec and the compressor from the context of a stream, where they
// are as the stream started. A compressor that is set later does not appear there. Formats
// therefore takes both from streams that it opens itself, in memory.
type Formats struct {
	mu           sync.Mutex
	byCompressor map[string]*Format
}

// Format is how streams with the registered codec and a compressor encode. It is the grpc.Stream
// that [grpc.PreparedMsg.Encode] reads them from.
type Format struct {
	grpc.Stream
	ctx        context.Context
	compressor string
	settings   any          // the codec and the compressor, as grpc has them in ctx
	stream     reflect.Type // of grpc's streams
}

// Context implements [grpc.Stream].
func (f *Format) Context() context.Context { return f.ctx }

// Of returns the format of stream. It returns nil where stream must encode each message itself: if
// it is not grpc's own, or its codec is not the registered one for protos, or the server has a
// its own compressor.
//
// started and now are the compressors of the stream when it started and now; "" is none.
func (f *Formats) Of(stream grpc.ServerStream, started, now string) *Format {
	own := f.get(started)
	if own == nil || reflect.TypeOf(stream) != own.stream || settingsIn(stream.Context()) != own.settings {
		return nil
	}
	return f.get(now)
}

// get returns the format with the compressor, or nil if grpc does not know the compressor.
func (f *Formats) get(compressor string) *Format {
	if compressor == encoding.Identity {
		compressor = ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.byCompressor[compressor]
	if !ok {
		found = newFormat(compressor)
		if f.byCompressor == nil {
			f.byCompressor = make(map[string]*Format)
		}
		f.byCompressor[compressor] = found
	}
	return found
}

// newFormat opens a stream in memory that is compressed with the compressor, and returns how it
// encodes; nil if grpc does not know the compressor.
func newFormat(compressor string) *Format {
	var found *Format
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
		// Only the values of the context matter: it ends with the stream.
		found = &Format{ctx: ss.Context(), compressor: compressor, settings: settingsIn(ss.Context()), stream: reflect.TypeOf(ss)}
		return nil
	}))
	defer server.Stop()
	req := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/encoded.Format/Get"}, ProtoMajor: 2, Body: http.NoBody,
		Header: http.Header{"Content-Type": {"application/grpc"}},
	}
	if compressor != "" {
		req.Header.Set("Grpc-Encoding", compressor)
	}
	server.ServeHTTP(&discard{header: make(http.Header)}, req)
	if found == nil || found.settings == nil {
		return nil
	}
	return found
}

// discard is an http.ResponseWriter without a connection.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Flush()                      {}

// settingsIn returns the codec and the compressor that a stream of ctx started with, as a value
// that is equal to that of streams which encode in the same way; nil if there are none.
func settingsIn(ctx context.Context) any {
	settings := reflect.ValueOf(ctx.Value(settingsKey))
	if settings.Kind() != reflect.Pointer || settings.IsNil() || !settings.Elem().Comparable() {
		return nil
	}
	return settings.Elem().Interface()
}

// settingsKey is the key of the codec and the compressor in contexts, which grpc does not export.
var settingsKey = ctxkey.Of(func(ctx context.Context) {
	_ = new(grpc.PreparedMsg).Encode(&Format{ctx: ctx}, nil)
})
