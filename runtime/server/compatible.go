package server

// Compatible makes a server behave on the wire as grpc alone: a service that is moved to a [Server] or
// to [On] answers with the same codes, messages, details, headers and trailers as before. Options that
// follow it switch on one part after the other:
//
//	ours := server.On(server, server.Compatible(), server.WithRecovery(true))
//
// It stands for these options:
//
//   - WithErrorMasking(false): the text of an error without status is sent;
//   - WithDefaultTimeout(0): a call without a deadline has none;
//   - WithRequestChecks(false): REQUIRED fields and other rules of fields are not checked;
//   - WithAccessLog(false): calls are not logged;
//   - WithRecovery(false): a panic of a method ends the process, unless an interceptor recovers it;
//   - WithRequestIDTrailer(false): errors have no x-request-id in their trailer;
//   - WithHeldHeaders(false): headers that a method sets before it fails are sent as headers;
//   - WithResponseCompression(CompressAsked, 0): every response to a compressed request is compressed;
//   - WithMaxCalls(0), WithMaxCallsPerPeer(0), WithMaxConnections(0), WithMaxConnectionsPerPeer(0);
//   - WithTransportDefaults(false): grpc's own limits and keepalive.
//
// What options of a proto require, such as authentication or rates, still holds.
func Compatible() Option {
	options := []Option{
		WithErrorMasking(false),
		WithDefaultTimeout(0),
		WithRequestChecks(false),
		WithAccessLog(false),
		WithRecovery(false),
		WithRequestIDTrailer(false),
		WithHeldHeaders(false),
		WithResponseCompression(CompressAsked, 0),
		WithMaxCalls(0), WithMaxCallsPerPeer(0), WithMaxConnections(0), WithMaxConnectionsPerPeer(0),
		WithTransportDefaults(false),
	}
	return func(c *settings) {
		for _, option := range options {
			option(c)
		}
	}
}

// omissions are the parts of the pipeline that are switched off.
type omissions struct {
	masking, checks, accessLog, recovery, requestID, heldHeaders bool
}

// WithErrorMasking sets whether callers get only what is meant for them of an error, which is the
// default. Off, errors are sent as grpc alone sends them: one without status is UNKNOWN with its text,
// and a status that is wrapped has the text of the whole error.
func WithErrorMasking(on bool) Option {
	return func(c *settings) { c.without.masking = !on }
}

// WithRequestChecks sets whether the rules of the fields of requests are checked, such as REQUIRED and
// formats, which is the default. A [Validator] and the largest size of a policy hold in any case.
func WithRequestChecks(on bool) Option {
	return func(c *settings) { c.without.checks = !on }
}

// WithAccessLog sets whether there is a log record of each call, which is the default.
func WithAccessLog(on bool) Option {
	return func(c *settings) { c.without.accessLog = !on }
}

// WithRecovery sets whether a panic of a method is recovered and becomes INTERNAL, which is the default.
// Off, it is logged and passed to the [PanicHandler], then goes on to the interceptors of the server,
// and ends the process if none of them recovers it. That of a goroutine of [runtime.Go] goes on in the goroutine
// of its call. Then a method that waits for a request is interrupted at a shutdown only when its
// connection is closed, because it runs in the goroutine of grpc. [WithCrashOnPanic] is stricter: no
// interceptor can recover.
func WithRecovery(on bool) Option {
	return func(c *settings) { c.without.recovery = !on }
}

// WithRequestIDTrailer sets whether the trailer of a call that fails has the request ID, which is the
// default.
func WithRequestIDTrailer(on bool) Option {
	return func(c *settings) { c.without.requestID = !on }
}

// WithHeldHeaders sets whether headers that are set are held back until the first response or success,
// which is the default: a call that fails before has them in its trailers, and clients may retry it.
// Off, grpc sends them before the status, and [grpc.SetSendCompressor] works in a method.
func WithHeldHeaders(on bool) Option {
	return func(c *settings) { c.without.heldHeaders = !on }
}

// WithTransportDefaults sets whether a [Server] and [GRPCOptions] limit the transport as
// [MaxConcurrentStreams] and the constants beside it say, which is the default. Off, grpc's own defaults hold.
func WithTransportDefaults(on bool) Option {
	return func(c *settings) { c.grpcDefaults = !on }
}
