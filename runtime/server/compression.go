package server

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"

	// Importing it registers gzip with grpc, for every client and server of the program. The import stands here because
	// generated code always links this package: both sides of a generated service speak gzip.
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/msgsize"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// CompressionThreshold is the size in bytes from which responses to compressed requests are
// compressed. Smaller ones fit into one or two network packets.
const CompressionThreshold = 1 << 10

// ResponseCompression selects the callers whose responses a server compresses.
type ResponseCompression int

const (
	// CompressAsked compresses responses to callers that compress their requests, with the
	// compressor of the request. It is the default.
	CompressAsked ResponseCompression = iota
	// CompressAccepted compresses responses to every caller that accepts gzip. Most clients do:
	// those of gRPC in Java, C++ and Python, and those of client.Dial, send grpc-accept-encoding:
	// gzip with each call, even if they have no need of compression.
	CompressAccepted
	// CompressNever sends every response uncompressed.
	CompressNever
)

// WithResponseCompression sets which responses the server compresses and their minimum size in
// bytes, instead of [CompressAsked] and [CompressionThreshold]. Smaller responses, and responses
// to callers that do not accept the compressor, are sent uncompressed. [CompressAsked] with 0
// compresses every response to a compressed request, as grpc alone does.
func WithResponseCompression(whose ResponseCompression, minBytes int) Option {
	return func(c *settings) {
		if whose < CompressAsked || whose > CompressNever {
			c.fail("WithResponseCompression(%d, %d): unknown choice of callers; pass CompressAsked, CompressAccepted or CompressNever", whose, minBytes)
		}
		if minBytes < 0 {
			c.fail("WithResponseCompression(%d, %d): a size cannot be negative; pass 0 to compress every response", whose, minBytes)
		}
		c.compression = compressor{whose, minBytes}
	}
}

// CompressResponse sets whether the responses of the call of ctx are compressed, regardless of
// their size and of [WithResponseCompression]. A caller that does not accept gzip receives them
// uncompressed. Call it before the first response: with true for a stream of large responses that
// starts with a small one, with false for a response that contains a secret. Outside a call it
// does nothing.
//
// Use it instead of [grpc.SetSendCompressor], which fails in the context of a call.
func CompressResponse(ctx context.Context, compress bool) {
	if c, ok := callOf(ctx); ok {
		c.compress.choose(compress)
	}
}

// compressChoice is what a method has chosen with [CompressResponse].
type compressChoice struct{ v atomic.Int32 }

const (
	chosenByServer int32 = iota
	chosenOn
	chosenOff
)

func (c *compressChoice) choose(on bool) {
	if on {
		c.v.Store(chosenOn)
	} else {
		c.v.Store(chosenOff)
	}
}

// compressor decides which responses of a server are compressed.
type compressor struct {
	whose    ResponseCompression
	minBytes int
}

// prepared prepares a response, unless the method failed.
func (c *callContext) prepared(resp any, err error) (any, error) {
	if err == nil {
		c.prepare(resp)
	}
	return resp, err
}

func (c *callContext) prepare(resp any) { c.call.method.compression.prepare(c, resp) }

// prepare sets the compressor of a call's responses, of which resp is the first. It does nothing where the headers are sent.
func (p compressor) prepare(c *callContext, resp any) {
	ctx := c.Context // which has grpc's own stream
	asked, choice := requestEncoding(ctx), c.compress.v.Load()
	if choice == chosenByServer && asked == "" && p.whose != CompressAccepted {
		return // as nearly all calls
	}
	switch p.wants(choice, asked, resp) {
	case yes:
		useCompressor(ctx, asked)
	case no:
		if asked != "" { // else grpc compresses as the request is
			_ = grpc.SetSendCompressor(ctx, encoding.Identity) // fails only where the headers are sent
		}
	}
}

// answer is yes, no, or to leave it to grpc.
type answer int

const (
	leave answer = iota
	yes
	no
)

func yesIf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// wants decides about a response.
func (p compressor) wants(choice int32, asked string, resp any) answer {
	switch {
	case choice != chosenByServer:
		return yesIf(choice == chosenOn)
	case p.whose == CompressNever:
		return no
	case p.whose == CompressAsked && p.minBytes == 0:
		return leave
	}
	msg, ok := resp.(proto.Message)
	if !ok { // a codec of the user's own, whose messages have a size that we do not know
		return leave
	}
	return yesIf(proto.Size(msg) >= p.minBytes)
}

// useCompressor has responses compressed as the request was, or else with gzip, if the caller accepts that.
func useCompressor(ctx context.Context, asked string) {
	if asked != "" && accepts(ctx, asked) {
		return // as grpc does
	}
	if grpc.SetSendCompressor(ctx, gzip.Name) != nil && asked != "" {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity)
	}
}

// accepts reports whether a caller accepts responses that are compressed as its request was. One that says nothing about
// responses does.
func accepts(ctx context.Context, asked string) bool {
	names, err := grpc.ClientSupportedCompressors(ctx)
	if err != nil {
		return true
	}
	said := false
	for _, name := range names {
		if name == asked {
			return true
		}
		said = said || name != ""
	}
	return !said
}

// requestEncoding returns the compressor of the request, or "". grpc's own stream has it, and no public function.
func requestEncoding(ctx context.Context) string {
	stream, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvCompress() string })
	if !ok || stream.RecvCompress() == encoding.Identity {
		return ""
	}
	return stream.RecvCompress()
}

// receiveError gives a request that grpc has found too large its reason, for observers. The caller has grpc's
// status already: grpc sends it when it fails to receive. RESOURCE_EXHAUSTED of an interceptor around the
// pipeline, such as one that bounds rates, is returned as it is.
func receiveError(err error) error {
	if !msgsize.Exceeded(err) {
		return err
	}
	return rpcerr.ReasonRequestTooLarge.Errorf(codes.ResourceExhausted, "%s", status.Convert(err).Message()).Fixed()
}
