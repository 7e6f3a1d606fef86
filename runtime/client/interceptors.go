package client

import (
	"slices"

	"google.golang.org/grpc"
)

// WithUnaryInterceptors adds interceptors of unary calls. The first one is the outermost: it is
// called first, and returns last. They run
//   - inside [WithObservers], which see what the interceptors return;
//   - inside hedging: once for each hedge of a call, concurrently, with the metadata
//     grpc-previous-rpc-attempts in all but the first;
//   - outside grpc's retries: once for all attempts of a call whose policy has retries;
//   - outside [WithRequestCompression], which compresses the request that they pass on;
//   - outside those of [WithDialOptions].
//
// The context has the call's deadline, and its outgoing metadata has the request ID. The error of
// an interceptor is the error of the call. An interceptor that repeats a call does so outside the
// policy's throttling, and multiplies its attempts.
func WithUnaryInterceptors(interceptors ...grpc.UnaryClientInterceptor) Option {
	return func(c *settings) {
		if slices.ContainsFunc(interceptors, func(i grpc.UnaryClientInterceptor) bool { return i == nil }) {
			c.fail("WithUnaryInterceptors: an interceptor is nil")
			return
		}
		c.unary = append(c.unary, interceptors...)
	}
}

// WithStreamInterceptors adds interceptors of streams. Their order is that of
// [WithUnaryInterceptors]. They return when the stream has been opened, or wait for a server to
// open it; how it ends is seen by the stream that they return, or with [grpc.OnFinish].
func WithStreamInterceptors(interceptors ...grpc.StreamClientInterceptor) Option {
	return func(c *settings) {
		if slices.ContainsFunc(interceptors, func(i grpc.StreamClientInterceptor) bool { return i == nil }) {
			c.fail("WithStreamInterceptors: an interceptor is nil")
			return
		}
		c.stream = append(c.stream, interceptors...)
	}
}

// interceptors returns grpc's options for the interceptors, the outermost first.
func (c *settings) interceptors() []grpc.DialOption {
	unary, stream := slices.Clone(c.unary), slices.Clone(c.stream)
	if c.compress != nil {
		unary, stream = append(unary, c.compress), append(stream, compressStreams)
	}
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(unary...), grpc.WithChainStreamInterceptor(stream...),
	}
}
