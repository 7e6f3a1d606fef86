package grpcotel

import (
	"context"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// clientObserver observes the calls that a client makes.
type clientObserver struct{ t *Telemetry }

var (
	_ client.TargetObserver   = clientObserver{}
	_ runtime.AttemptObserver = (*clientMethod)(nil)
)

// Bind implements [runtime.Observer].
func (o clientObserver) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	return o.BindTarget("", info)
}

// BindTarget implements [client.TargetObserver].
func (o clientObserver) BindTarget(target string, info runtime.MethodInfo) runtime.MethodObserver {
	m := &clientMethod{boundMethod{failed: clientFailed, durations: o.t.client}, eventRetry}
	m.bind(o.t, info, trace.SpanKindClient, targetAttributes(target)...)
	if info.Policy.Hedging.MaxAttempts >= 2 {
		m.event = eventHedge
	}
	return m
}

// clientMethod observes the calls of one method of a client.
type clientMethod struct {
	boundMethod
	event string // of further attempts
}

// Begin implements [runtime.MethodObserver].
func (m *clientMethod) Begin(ctx context.Context, call runtime.Call) (began context.Context) {
	defer m.t.shield()
	began = ctx
	began = m.begin(ctx, call, m.start)
	return m.t.inject(began)
}

// Attempt implements [runtime.AttemptObserver].
func (m *clientMethod) Attempt(ctx context.Context, call runtime.Call, number int) {
	defer m.t.shield()
	m.t.attempts.Add(ctx, 1, m.labels())
	if s := spanOf(ctx, call); s != nil {
		s.span.AddEvent(m.event, trace.WithAttributes(keyAttempt.Int(number)))
	}
}

// End implements [runtime.MethodObserver].
func (m *clientMethod) End(ctx context.Context, call runtime.Call, result runtime.Outcome) {
	code := status.Code(result.Err)
	o := m.outcome(code)
	if s := spanOf(ctx, call); s != nil {
		m.end(s, o, result, code, describeNothing)
	}
	m.record(ctx, o, result.Duration)
}

func describeNothing(attrs []attribute.KeyValue, _ runtime.Call) []attribute.KeyValue {
	return attrs
}

// targetAttributes returns the attributes for the target of a connection, "dns:///books:8443" for
// example: the host and port, or whatever names the servers for other schemes.
func targetAttributes(target string) []attribute.KeyValue {
	endpoint := target
	if _, rest, ok := strings.Cut(target, "://"); ok {
		_, endpoint, _ = strings.Cut(rest, "/") // after the authority
		if strings.HasPrefix(target, "unix://") {
			endpoint = "/" + endpoint
		}
	} else if scheme, rest, ok := strings.Cut(target, ":"); ok && isScheme(scheme) {
		endpoint = rest
	}
	if endpoint == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(endpoint)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || host == "" {
		return []attribute.KeyValue{keyServerAddress.String(text(endpoint, maxName))}
	}
	return []attribute.KeyValue{
		keyServerAddress.String(text(host, maxName)), keyServerPort.Int(int(number)),
	}
}

// isScheme reports whether a target without "//" begins with one of grpc's schemes rather than with
// a host.
func isScheme(s string) bool {
	switch s {
	case "dns", "passthrough", "unix", "unix-abstract", "xds":
		return true
	default:
		return false
	}
}
