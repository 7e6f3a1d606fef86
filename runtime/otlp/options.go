package otlp

import "log/slog"

// Option configures an [Exporter].
type Option func(*Exporter)

// WithLogger sets the logger for what goes wrong. The default is [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(e *Exporter) { e.outage.logger = logger }
}

// WithQueue sets how many spans wait for the collector at most; more are dropped. The default is
// 2048, or OTEL_BSP_MAX_QUEUE_SIZE. A number below 1 is an error of Start.
func WithQueue(spans int) Option {
	return func(e *Exporter) { e.limit = spans }
}
