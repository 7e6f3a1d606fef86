package server

import "context"

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

// prepared calls prepare with a response, unless the method failed.
func (c *callContext) prepared(resp any, err error) (any, error) {
	if err == nil {
		c.prepare(resp)
	}
	return resp, err
}

// prepare sets the compressor of the call's responses, of which resp is the first.
func (c *callContext) prepare(resp any) {
	c.call.method.compression.prepare(c.Context, c.compress.v.Load(), resp)
}
