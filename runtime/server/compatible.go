package server

// Compatible makes a server behave on the wire as grpc alone: a service that is moved to a [Server]
// or to [On] answers with the same codes, messages, details, headers and trailers as before.
// Options that follow it enable its parts one by one:
//
//	ours := server.On(server, server.Compatible(), server.WithRecovery(true))
//
// It stands for these options:
//
//   - WithErrorMasking(false): the text of an error without status is sent;
//   - WithDefaultTimeout(0): a call without a deadline has none;
//   - WithSendTimeout(0): a client may leave messages unread;
//   - WithRequestChecks(false): REQUIRED fields and other rules of fields are not checked;
//   - WithAccessLog(false): calls are not logged;
//   - WithRecovery(false): a panic of a method ends the process, unless an interceptor recovers it;
//   - WithRequestIDTrailer(false): errors have no x-request-id in their trailer;
//   - WithHeldHeaders(false): headers that a method sets before it fails are sent as headers;
//   - WithResponseCompression(CompressAsked, 0): every response to a compressed request is
//     compressed;
//   - WithMaxCalls(0), WithMaxCallsPerPeer(0), WithMaxConnections(0), WithMaxConnectionsPerPeer(0);
//   - WithTransportDefaults(false): grpc's own limits and keepalive.
//
// What options of a proto require, such as authentication or rates, still holds.
func Compatible() Option {
	return WithOptions(
		WithErrorMasking(false),
		WithDefaultTimeout(0),
		WithSendTimeout(0),
		WithRequestChecks(false),
		WithAccessLog(false),
		WithRecovery(false),
		WithRequestIDTrailer(false),
		WithHeldHeaders(false),
		WithResponseCompression(CompressAsked, 0),
		WithMaxCalls(0), WithMaxCallsPerPeer(0), WithMaxConnections(0), WithMaxConnectionsPerPeer(0),
		WithTransportDefaults(false),
	)
}

// WithErrorMasking sets whether callers receive only the part of an error that is meant for them.
// The default is true. If it is false, errors are sent as by grpc alone: an error without a status
// is UNKNOWN with its text, and a wrapped status has the text of the whole error.
func WithErrorMasking(on bool) Option {
	return func(c *settings) { c.without.masking = !on }
}

// WithRequestChecks sets whether field rules of requests, such as REQUIRED and formats, are
// checked. The default is true. A [Validator] and the maximum size of a policy always apply.
func WithRequestChecks(on bool) Option {
	return func(c *settings) { c.without.checks = !on }
}

// WithAccessLog sets whether each call writes a log record. The default is true.
func WithAccessLog(on bool) Option {
	return func(c *settings) { c.without.accessLog = !on }
}

// WithRecovery sets whether a panic of a method is recovered and becomes INTERNAL. The default is
// true.
//
// If it is false, the panic is logged, passed to the [PanicHandler], and then raised again for the
// interceptors of the server; it ends the process if none of them recovers it. A panic in a
// goroutine of [runtime.Go] is raised in the goroutine of its call. A method that waits for a
// request is then interrupted at a shutdown only when its connection is closed, because it runs in
// grpc's goroutine. With [WithCrashOnPanic] no interceptor can recover.
func WithRecovery(on bool) Option {
	return func(c *settings) { c.without.recovery = !on }
}

// WithRequestIDTrailer sets whether the trailer of a failed call has the request ID. The default
// is true.
func WithRequestIDTrailer(on bool) Option {
	return func(c *settings) { c.without.requestID = !on }
}

// WithHeldHeaders sets whether headers are held back until the first response or success. The
// default is true: a call that fails before then has them in its trailers, and clients may retry
// it. If it is false, grpc sends them before the status, and [grpc.SetSendCompressor] works in a
// method.
func WithHeldHeaders(on bool) Option {
	return func(c *settings) { c.without.heldHeaders = !on }
}

// WithTransportDefaults sets whether a [Server] and [GRPCOptions] apply [MaxConcurrentStreams] and
// the other limits of the transport. The default is true. If it is false, grpc's own defaults
// apply.
func WithTransportDefaults(on bool) Option {
	return func(c *settings) { c.grpcDefaults = !on }
}
