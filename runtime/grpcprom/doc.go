// Package grpcprom counts and times the calls of servers and clients for Prometheus.
//
//	metrics := grpcprom.New()
//	srv := server.New(server.WithObservers(metrics.Server()), server.WithCompanions(metrics))
//	http.Handle("/metrics", metrics.Handler())
//
// The metrics of calls have the names and labels of go-grpc-middleware and of the older
// go-grpc-prometheus, so that their dashboards and alerts work unchanged. docs/observability.md
// lists all metrics.
//
// A method that is registered has its series at once: those of calls and messages at zero, and
// those of the codes that its policy implies, such as ResourceExhausted for a method with a rate.
// Series of other codes start with the first call that returns them. Calls of unknown methods are
// one counter, whatever their callers send.
//
// The histogram of durations has the classic buckets of [WithBuckets] and a native histogram at the
// same time. Prometheus stores the native one if it is configured to.
//
// Messages of a stream are counted at a scrape, also while the stream is open. A message costs
// nothing, and a call does not allocate.
//
// Memory: a method takes less than 5 kB once it has been called, whatever the codes, and
// each combination of values of [WithLabels] up to 4 kB more.
//
// The package is a separate module because it depends on client_golang.
package grpcprom
