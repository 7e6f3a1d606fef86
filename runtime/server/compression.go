package server

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	// The import registers gzip with grpc for every client and server of the program. Generated code
	// always links this package, so both sides of a generated service support gzip.
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
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

// prepare sets the compressor of a call's responses, of which resp is the first. ctx has grpc's own
// stream. After the headers are sent it does nothing.
func (p compressor) prepare(ctx context.Context, choice int32, resp any) {
	requested := requestEncoding(ctx)
	if choice == chosenByServer && requested == "" && p.whose != CompressAccepted {
		return // as for nearly all calls
	}
	if front, ok := grpc.ServerTransportStreamFromContext(ctx).(FrontCall); ok {
		if p.wants(choice, requested, resp) == no {
			front.SetUncompressed()
		}
		return
	}
	switch p.wants(choice, requested, resp) {
	case yes:
		useCompressor(ctx, requested)
	case no:
		if requested != "" { // otherwise grpc does not compress either
			_ = grpc.SetSendCompressor(ctx, encoding.Identity) // fails only where the headers are sent
		}
	}
}

// answer is yes, no, or grpc's own choice.
type answer int

const (
	asGRPC answer = iota
	yes
	no
)

func yesIf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// wants decides whether a response is compressed.
func (p compressor) wants(choice int32, requested string, resp any) answer {
	switch {
	case choice != chosenByServer:
		return yesIf(choice == chosenOn)
	case p.whose == CompressNever:
		return no
	case p.whose == CompressAsked && p.minBytes == 0:
		return asGRPC
	}
	msg, ok := resp.(proto.Message)
	if !ok { // the user's own codec, whose messages have an unknown size
		return asGRPC
	}
	return yesIf(proto.Size(msg) >= p.minBytes)
}

// useCompressor compresses the responses with the compressor of the request, or else with gzip if
// the caller accepts it.
func useCompressor(ctx context.Context, requested string) {
	if requested != "" && accepts(ctx, requested) {
		return // grpc does
	}
	if grpc.SetSendCompressor(ctx, gzip.Name) != nil && requested != "" {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity)
	}
}

// accepts reports whether a caller accepts responses with the compressor of its request. A caller
// that lists no compressors does.
func accepts(ctx context.Context, requested string) bool {
	names, err := grpc.ClientSupportedCompressors(ctx)
	if err != nil {
		return true
	}
	listed := false
	for _, name := range names {
		if name == requested {
			return true
		}
		listed = listed || name != ""
	}
	return !listed
}

// requestEncoding returns the compressor of the request, or "". Only grpc's own stream has it.
func requestEncoding(ctx context.Context) string {
	stream, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvCompress() string })
	if !ok || stream.RecvCompress() == encoding.Identity {
		return ""
	}
	return stream.RecvCompress()
}
