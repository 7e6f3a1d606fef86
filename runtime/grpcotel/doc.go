// Package grpcotel makes OpenTelemetry spans and metrics of calls, on servers and clients.
//
//	telemetry := grpcotel.New()
//	srv := server.New(server.WithObservers(telemetry.Server()))
//	conn, err := client.Dial("dns:///books:8443", client.WithObservers(telemetry.Client()))
//
// It depends on the API of OpenTelemetry alone. The program chooses the SDK and the exporters: see
// package otlp. Without an SDK, nothing is recorded, and the trace of a caller is passed on.
//
// # Spans
//
// A server's span begins before the first step of the pipeline and ends after the last, on every
// path: a rejected call, a panic, a stream that is cut off. It is a child of the caller's span
// ([WithPublicEndpoint] links to that instead), or of a span that a stats.Handler has started. It
// is an error if the code says that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED,
// UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS. A client's span covers all attempts of a call,
// with an event for each retry and hedge. It is an error for every code but OK.
//
// Names follow the conventions for RPCs. Besides, spans have
//
//	grpcservice.request_id         the x-request-id, as in the log (server)
//	grpcservice.step               the step of the pipeline that rejected the call (server)
//	grpcservice.reason             the reason of an error
//	grpcservice.messages_received  of a stream
//	grpcservice.messages_sent      of a stream
//
// The description of a failed server span is the cause of the error, which callers do not receive;
// see [WithoutCauses]. Spans never have messages, other headers, or principals. Methods that a
// server does not have share the span name grpc and the rpc.method _OTHER, whatever the client has
// sent.
//
// # Metrics
//
// rpc.server.call.duration and rpc.client.call.duration are histograms in seconds. They count calls
// by rpc.method and rpc.status_code. Rejected calls, unknown methods and additional attempts are
// counters with the names and labels of package metric. [WithSources] adds everything that a
// server, a hub and other parts report.
//
// # Conventions
//
// The conventions for RPCs were renamed before they became stable. OTEL_SEMCONV_STABILITY_OPT_IN, a
// comma-separated list that [New] reads, selects the names:
//
//	rpc or unset  version 1.45: rpc.method with the service, rpc.status_code, durations in seconds
//	rpc/old       version 1.37: rpc.service, rpc.method, rpc.grpc.status_code, durations in ms
//	rpc/dup       both, and rpc.response.status_code, the name in the versions 1.39 to 1.44
//
// With rpc/dup, spans have the new rpc.method. It takes precedence over the other values.
//
// # Cost
//
// The package itself adds one allocation to a server's call that is not sampled, none if the caller
// sent no trace context, and 3 to one that is. With the SDK's, they are 4 (3 without a trace
// context) and 9. A tracestate, baggage ([WithBaggage]) or another propagator adds more. Messages of streams cost nothing. No call waits for an exporter, unless the
// program uses the SDK's synchronous processor.
package grpcotel
