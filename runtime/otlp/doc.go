// Package otlp sends spans to an OpenTelemetry collector, without ever delaying a call.
//
//	traces := otlp.New()
//	spans := grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
//	srv := server.New(server.WithObservers(spans.Server()), server.WithCompanions(traces))
//
// The standard variables configure it:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT  the URL of the collector: http://localhost:4317; none disables it
//	OTEL_SERVICE_NAME            the name of the service in traces
//	OTEL_TRACES_SAMPLER          which calls are traced; default parentbased_always_on
//
// as do the others of the OpenTelemetry SDK for Go: headers, certificates, compression, timeouts
// and batches. The protocol is gRPC. Without an endpoint, no spans are recorded, and the trace of a
// caller is passed on to the servers that a method calls.
//
// Spans wait in a queue with a bound ([WithQueue]). While the collector is away or slow, the queue
// fills up, and further spans are dropped: the log says so once, and again when the collector is
// back. A shutdown waits at most one second for the last spans. [Exporter.Collect] reports how many
// spans were sent, and how many were lost.
//
// The package is a separate module because it depends on the OpenTelemetry SDK.
package otlp
