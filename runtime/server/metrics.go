package server

import (
	"runtime/debug"
	"slices"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Servers report their state as metrics.
var (
	_ metric.Source = (*Server)(nil)
	_ metric.Source = (*Registrar)(nil)
)

// describeMetric returns the description of a metric.
func describeMetric(kind metric.Kind, name, help string, labels ...string) *metric.Desc {
	return &metric.Desc{Name: name, Help: help, Kind: kind, Labels: labels}
}

// The metrics of a server.
var (
	runningDesc = describeMetric(metric.Gauge, metric.ServerRunning,
		"Calls that are running, by method.",
		metric.LabelType, metric.LabelService, metric.LabelMethod)
	limitDesc = describeMetric(metric.Gauge, metric.ServerConcurrencyLimit,
		"Calls that a method with a limit of concurrency runs at a time; an adaptive limit moves.",
		metric.LabelType, metric.LabelService, metric.LabelMethod)
	placesDesc = describeMetric(metric.Gauge, metric.ServerConcurrencyRunning,
		"Calls that count for the limit of concurrency of a method.",
		metric.LabelType, metric.LabelService, metric.LabelMethod)
	waitingDesc = describeMetric(metric.Gauge, metric.ServerConcurrencyWaiting,
		"Calls that wait for a running call of a method to finish.",
		metric.LabelType, metric.LabelService, metric.LabelMethod)
	tokensRejectedDesc = describeMetric(metric.Counter, metric.ServerTokensRejected,
		"Page tokens that were rejected, by method and reason.",
		metric.LabelType, metric.LabelService, metric.LabelMethod, metric.LabelReason)
	callsDesc = describeMetric(metric.Gauge, metric.ServerCalls,
		"Calls that the server holds: those that run, or whose response is not written yet.")
	callsLimitDesc = describeMetric(metric.Gauge, metric.ServerCallsLimit,
		"Calls that the server holds at most; 0 is no limit.")
	connectionsDesc = describeMetric(metric.Gauge, metric.ServerConnections,
		"Connections of the server.")
	connectionsLimitDesc = describeMetric(metric.Gauge, metric.ServerConnectionsLimit,
		"Connections that the server has at most; 0 is no limit.")
	handshakesDesc = describeMetric(metric.Gauge, metric.ServerHandshakes,
		"Connections that have not finished their handshake.")
	handshakesFailedDesc = describeMetric(metric.Counter, metric.ServerHandshakesFailed,
		"Connections that failed in their TLS handshake.")
	acceptedDesc = describeMetric(metric.Counter, metric.ServerAccepted,
		"Connections that the server accepted.")
	closedDesc = describeMetric(metric.Counter, metric.ServerClosed,
		"Connections that the server closed before their first call, by reason: "+
			"server_full, peer_full, or proxy_header for one from a proxy without a valid header.",
		metric.LabelReason)
	drainingDesc = describeMetric(metric.Gauge, metric.ServerDraining,
		"Whether a shutdown has started (1) or not (0).")
	servingDesc = describeMetric(metric.Gauge, metric.ServerServing,
		"Whether the health of a service is SERVING (1) or not (0); \"\" is the server as a whole.",
		metric.LabelService)
	backgroundDesc = describeMetric(metric.Gauge, metric.ServerBackground,
		"Running background functions, by name.", metric.LabelName)
	expiryDesc = describeMetric(metric.Timestamp, metric.ServerCertificateExpiry,
		"When the TLS certificate in use expires, in Unix seconds.", metric.LabelFile)
	policyRejectedDesc = describeMetric(metric.Gauge, metric.ServerPolicyRejected,
		"Whether the content of the policy file is rejected (1) or in effect (0).", metric.LabelFile)
	panicsDesc = describeMetric(metric.Counter, metric.ServerObserverPanics,
		"Panics of an observer, or of the log, by type; each of them cost a call its figures.",
		metric.LabelName)
	buildDesc = describeMetric(metric.Info, metric.BuildInfo,
		"The versions that the program was built from; the value is 1.",
		metric.LabelVersion, metric.LabelRevision, metric.LabelGoVersion, metric.LabelRuntime,
		metric.LabelGRPC)
)

// pipelineMetrics returns the metrics of [pipeline.collect].
func pipelineMetrics() []*metric.Desc {
	return []*metric.Desc{
		runningDesc, limitDesc, placesDesc, waitingDesc, tokensRejectedDesc, callsDesc, callsLimitDesc,
		drainingDesc, servingDesc, policyRejectedDesc, panicsDesc, buildDesc,
	}
}

// Metrics implements [metric.Source].
func (s *Server) Metrics() []*metric.Desc {
	return append(pipelineMetrics(), connectionsDesc, connectionsLimitDesc, handshakesDesc,
		handshakesFailedDesc, acceptedDesc, closedDesc, expiryDesc, backgroundDesc)
}

// Collect implements [metric.Source]. Servers of one process that do not differ in a label are
// added up.
func (s *Server) Collect(report metric.Report) {
	s.mu.Lock()
	draining := s.stateLocked() >= StateDraining
	s.mu.Unlock()
	s.pipeline.collect(report, s.health, draining)
	s.pipeline.capacity.collectConnections(report)
	if tls := s.pipeline.tls.status(); !tls.Expires.IsZero() {
		report(expiryDesc, float64(tls.Expires.Unix()), tls.CertFile)
	}
	running := make(map[string]int)
	for _, name := range s.background.names() {
		running[name]++
	}
	for name, n := range running {
		report(backgroundDesc, float64(n), name)
	}
}

// Metrics implements [metric.Source].
func (r *Registrar) Metrics() []*metric.Desc { return pipelineMetrics() }

// Collect implements [metric.Source]. It does not know the connections of the target.
func (r *Registrar) Collect(report metric.Report) {
	r.pipeline.collect(report, r.health, r.pipeline.drain.hasStarted())
}

// collect reports what both kinds of server know.
func (p *pipeline) collect(report metric.Report, health *Health, draining bool) {
	for _, m := range p.served() {
		m.collect(report)
	}
	report(callsDesc, float64(held(p.capacity.Use())))
	report(callsLimitDesc, float64(p.limits.Calls))
	report(drainingDesc, oneIf(draining))
	for service, status := range health.all() {
		report(servingDesc, oneIf(status == healthpb.HealthCheckResponse_SERVING), service)
	}
	if f := p.policyFile; f != nil {
		report(policyRejectedDesc, oneIf(f.latest() != nil), f.path)
	}
	for _, s := range append(slices.Clone(p.shields), p.logShield) {
		report(panicsDesc, float64(s.panics.All()), s.name)
	}
	report(buildDesc, 1, p.build()...)
}

// collect reports the calls of a method.
func (m *method) collect(report metric.Report) {
	s := m.figures()
	labels := []string{s.Info.Kind.String(), s.Info.Service, s.Info.Name}
	report(runningDesc, float64(m.inFlight.Load()), labels...)
	for reason, n := range m.tokensRejected.snapshot() {
		report(tokensRejectedDesc, float64(n), append(labels, reason)...)
	}
	if s.Limit > 0 {
		report(limitDesc, float64(s.Limit), labels...)
		report(placesDesc, float64(s.Running), labels...)
		report(waitingDesc, float64(s.Waiting), labels...)
	}
}

// collectConnections reports the connections of a server.
func (c *capacity) collectConnections(report metric.Report) {
	counts := c.Counts()
	report(connectionsDesc, float64(c.Use().Connections))
	report(connectionsLimitDesc, float64(c.limits.Connections))
	report(handshakesDesc, float64(c.Handshakes()))
	report(handshakesFailedDesc, float64(counts.Failed))
	report(acceptedDesc, float64(counts.Accepted))
	report(closedDesc, float64(counts.ServerFull), "server_full")
	report(closedDesc, float64(counts.PeerFull), "peer_full")
	report(closedDesc, float64(counts.NoHeader), "proxy_header")
}

// oneIf returns 1 for true and 0 for false.
func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// buildLabels returns the values of the labels of [metric.BuildInfo]; "" where the program does not
// have them.
func buildLabels() []string {
	const own, grpc = "github.com/grpcservice/grpcservice", "google.golang.org/grpc"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return make([]string, len(buildDesc.Labels))
	}
	versions := map[string]string{info.Main.Path: info.Main.Version}
	for _, module := range info.Deps {
		versions[module.Path] = module.Version
	}
	settings := make(map[string]string, len(info.Settings))
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return []string{
		info.Main.Version, settings["vcs.revision"], info.GoVersion, versions[own], versions[grpc],
	}
}
