package grpcotel

import (
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc/codes"
)

// This file has all names of spans, attributes and metrics that the package emits. Those of the
// conventions are plain strings: a semconv package would add the names of all other domains, and
// its version would have to match that of the user.

// URLs of the versions of the conventions.
const (
	schema    = "https://opentelemetry.io/schemas/1.45.0"
	schemaOld = "https://opentelemetry.io/schemas/1.37.0"
)

// Names of the conventions of version 1.45, in which those of RPCs are stable.
const (
	keySystem     = attribute.Key("rpc.system.name")
	keyMethod     = attribute.Key("rpc.method") // with the service
	keyStatusCode = attribute.Key("rpc.status_code")
	keyErrorType  = attribute.Key("error.type")

	metricServerDuration = "rpc.server.call.duration"
	metricClientDuration = "rpc.client.call.duration"
)

// keyResponseStatusCode is the name of keyStatusCode in the versions 1.39 to 1.44, the release
// candidates.
const keyResponseStatusCode = attribute.Key("rpc.response.status_code")

// Names of version 1.37 and before, which were never stable.
const (
	keyOldSystem     = attribute.Key("rpc.system")
	keyOldService    = attribute.Key("rpc.service")
	keyOldMethod     = attribute.Key("rpc.method") // without the service
	keyOldStatusCode = attribute.Key("rpc.grpc.status_code")

	metricOldServerDuration = "rpc.server.duration"
	metricOldClientDuration = "rpc.client.duration"
)

// Names that all versions share.
const (
	keyServerAddress = attribute.Key("server.address")
	keyServerPort    = attribute.Key("server.port")
	keyClientAddress = attribute.Key("client.address")
	keyClientPort    = attribute.Key("client.port")
)

// Names of this project.
const (
	keyStep      = attribute.Key("grpcservice.step")
	keyReason    = attribute.Key("grpcservice.reason")
	keyRequestID = attribute.Key("grpcservice.request_id")
	keyReceived  = attribute.Key("grpcservice.messages_received")
	keySent      = attribute.Key("grpcservice.messages_sent")
	keyAttempt   = attribute.Key("grpcservice.attempt")
	keyOperation = attribute.Key("grpcservice.operation")

	eventRetry = "grpcservice.retry"
	eventHedge = "grpcservice.hedge"

	spanOperation = "operation " // and the method
)

// instrumentName returns the name of the instrument for a metric of this project, which has a name
// in Prometheus. Exporters for Prometheus add "_total" to the names of counters.
func instrumentName(prometheus string) string { return strings.TrimSuffix(prometheus, "_total") }

const (
	systemGRPC = "grpc"
	other      = "_OTHER" // what the conventions call methods and errors that are unknown
)

// Keys of log records, as the data model of logs in formats without OTLP names them.
const (
	logTraceID = "trace_id"
	logSpanID  = "span_id"
)

// conventions are the names that are emitted.
type conventions struct{ current, old bool }

// conventionsOf reads a value of OTEL_SEMCONV_STABILITY_OPT_IN, as otelgrpc does.
func conventionsOf(optIn string) conventions {
	old := false
	for value := range strings.SplitSeq(optIn, ",") {
		switch strings.TrimSpace(value) {
		case "rpc/dup":
			return conventions{current: true, old: true}
		case "rpc/old":
			old = true
		}
	}
	return conventions{current: !old, old: old}
}

// conventionsOfEnv reads the environment.
func conventionsOfEnv() conventions {
	return conventionsOf(os.Getenv("OTEL_SEMCONV_STABILITY_OPT_IN"))
}

// schema returns the URL of the version that has the names; "" if no version has all of them.
func (c conventions) schema() string {
	switch {
	case c.current && c.old:
		return ""
	case c.old:
		return schemaOld
	default:
		return schema
	}
}

// method returns the attributes of a method.
func (c conventions) method(service, name string, known bool) (attrs []attribute.KeyValue) {
	full := service + "/" + name
	if !known {
		full, service, name = other, other, other
	}
	if c.old {
		attrs = append(attrs, keyOldSystem.String(systemGRPC), keyOldService.String(service))
	}
	if c.current {
		return append(attrs, keySystem.String(systemGRPC), keyMethod.String(full))
	}
	return append(attrs, keyOldMethod.String(name))
}

// status returns the attributes of a status code, and of an error.
func (c conventions) status(code codes.Code, failed bool) (attrs []attribute.KeyValue) {
	if c.old {
		attrs = append(attrs, oldStatus(code))
	}
	if !c.current {
		return attrs
	}
	name := codeName(code)
	attrs = append(attrs, keyStatusCode.String(name))
	if c.old {
		attrs = append(attrs, keyResponseStatusCode.String(name))
	}
	if failed {
		attrs = append(attrs, keyErrorType.String(name))
	}
	return attrs
}

// oldStatus returns the status code as version 1.37 spells it.
func oldStatus(code codes.Code) attribute.KeyValue { return keyOldStatusCode.Int(int(code)) }

// codeCount is the number of codes, with one for all that gRPC does not define, which a server of
// another party may send.
const codeCount = int(codes.Unauthenticated) + 2

// slotOf returns the index of a code, below codeCount.
func slotOf(code codes.Code) int { return int(min(uint32(code), uint32(codeCount-1))) }

// codeName returns a code as the specification of gRPC spells it.
func codeName(code codes.Code) string {
	names := [...]string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
		"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
		"OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int64(code) < int64(len(names)) {
		return names[code]
	}
	return other
}

// serverFailed reports whether a code is an error of the server, which the conventions distinguish
// from errors of its callers.
func serverFailed(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal,
		codes.Unavailable, codes.DataLoss:
		return true
	default:
		return slotOf(code) == codeCount-1
	}
}

// clientFailed reports whether a code is an error for a client.
func clientFailed(code codes.Code) bool { return code != codes.OK }
