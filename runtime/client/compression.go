package client

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
)

// WithRequestCompression compresses requests with gzip: unary requests of at least minBytes
// bytes, and all requests of request streams. The server must accept gzip, as package server
// does. The single request of a server stream is never compressed.
//
// For one call, pass grpc.UseCompressor to [WithCallOptions]: "gzip" compresses its requests,
// "identity" does not.
func WithRequestCompression(minBytes int) Option {
	return func(c *settings) {
		if minBytes < 0 {
			c.errs = append(c.errs, fmt.Errorf("WithRequestCompression(%d): a size cannot be negative; "+
				"pass 0 to compress every request", minBytes))
			return
		}
		c.compress = compressUnary(minBytes)
	}
}

// compressUnary compresses requests of at least minBytes bytes. The options of the call come
// later and override it.
func compressUnary(minBytes int) grpc.UnaryClientInterceptor {
	compress := []grpc.CallOption{grpc.UseCompressor(gzip.Name)}
	return func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if msg, ok := req.(proto.Message); ok && proto.Size(msg) >= minBytes {
			opts = append(compress[:1:1], opts...)
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

// compressStreams compresses the requests of streams. Their headers are sent before the first
// request, whatever its size.
func compressStreams(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if desc.ClientStreams {
		opts = append([]grpc.CallOption{grpc.UseCompressor(gzip.Name)}, opts...)
	}
	return streamer(ctx, desc, cc, method, opts...)
}
