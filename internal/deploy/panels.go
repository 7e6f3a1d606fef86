package deploy

import "github.com/grpcservice/grpcservice/runtime/metric"

// methodLegend names a line by its method, podLegend by its pod.
const (
	methodLegend = "{{" + metric.LabelService + "}}/{{" + metric.LabelMethod + "}}"
	podLegend    = "{{pod}}"
)

// queries builds the queries of a dashboard.
type queries struct{ app App }

// methods returns a selector for the selected methods.
func (q queries) methods(name string, matchers ...string) string {
	return selection(name, append([]string{
		jobOf(q.app), inNamespace, metric.LabelService + `=~"$service"`, metric.LabelMethod + `=~"$method"`,
	}, matchers...)...)
}

// pods returns a selector for all series of the app.
func (q queries) pods(name string, matchers ...string) string {
	return selection(name, append([]string{jobOf(q.app), inNamespace}, matchers...)...)
}

// rate returns the rate of a raw counter over the time between two points of a graph.
func rate(selector string) string { return "rate(" + selector + "[$__rate_interval])" }

// by returns a sum by labels.
func by(labels, expr string) string { return "sum by (" + labels + ") (" + expr + ")" }

const byMethod = metric.LabelService + ", " + metric.LabelMethod

func line(expr, legend string) target { return target{Expr: expr, LegendFormat: legend} }

// rowsOf returns the rows of the dashboard of app.
func rowsOf(app App) []row {
	q := queries{app}
	rows := []row{{"Calls", q.calls()}}
	if app.unary() {
		rows = append(rows, row{"Latency of unary methods", q.latency()})
	}
	return append(rows,
		row{"Limits", q.limits()},
		row{"Streams", q.streams()},
		row{"Pods", q.podGraphs()},
		row{"Calls to other services", q.clients()},
	)
}

func (q queries) calls() []graph {
	calls, faults := by(byMethod, q.methods(callsRecord)), by(byMethod, q.methods(faultsRecord))
	burnt := by(byMethod, "sum_over_time("+q.methods(faultsRecord)+"[1h])") + " / " +
		by(byMethod, "sum_over_time("+q.methods(callsRecord)+"[1h])") + " / " + number(q.app.budget())
	return []graph{
		{title: "Calls", unit: "reqps", targets: []target{line(calls, methodLegend)}},
		{title: "Errors", description: "The share of calls that fail with a code that is the server's fault.", unit: "percentunit",
			line: q.app.budget(), targets: []target{line(faults+" / "+calls, methodLegend)}},
		{title: "Codes", unit: "reqps", targets: []target{
			line(by(metric.LabelCode, rate(q.methods(metric.ServerHandled))), "{{"+metric.LabelCode+"}}")}},
		{title: "Error budget burnt in the last hour", unit: "short", line: 14.4, targets: []target{line(burnt, methodLegend)},
			description: "1 uses up the errors of a month within a month. From 14.4 on, the alert is critical."},
		{title: "Rejected", description: "Calls that a step of the pipeline rejects before the method runs.", unit: "reqps", targets: []target{
			line(by(byMethod+", "+metric.LabelStep, q.methods(rejectedRecord)), "{{"+metric.LabelStep+"}}: "+methodLegend)}},
		{title: "Calls of unknown methods", unit: "reqps", targets: []target{
			line("sum("+rate(q.pods(metric.ServerUnknownMethods))+")", "unknown")}},
	}
}

func (q queries) latency() []graph {
	quantile := func(of string) string {
		return "max by (" + byMethod + ") (" + q.methods(quantileRecord, matcher("quantile", of)) + ")"
	}
	timeout := "max by (" + byMethod + ") (" + q.methods(timeoutRecord) + ")"
	return []graph{
		{title: "99th percentile", unit: "s", targets: []target{line(quantile("0.99"), methodLegend)}},
		{title: "Median", unit: "s", targets: []target{line(quantile("0.5"), methodLegend)}},
		{title: "99th percentile as a share of the timeout", unit: "percentunit", line: 1,
			description: "Of methods whose policy has a timeout, as it was when this was generated.",
			targets:     []target{line(quantile("0.99")+" / "+timeout, methodLegend)}},
	}
}

func (q queries) limits() []graph {
	running := by(byMethod, q.methods(metric.ServerConcurrencyRunning))
	return []graph{
		{title: "Concurrency used", description: "Running calls as a share of the limit of concurrency.", unit: "percentunit", line: 1,
			targets: []target{line(running+" / "+by(byMethod, q.methods(metric.ServerConcurrencyLimit)), methodLegend)}},
		{title: "Waiting for concurrency", unit: "short",
			targets: []target{line(by(byMethod, q.methods(metric.ServerConcurrencyWaiting)), methodLegend)}},
		{title: "Rejected by a limit", description: "The share of calls that a rate or a limit of concurrency rejects.", unit: "percentunit",
			targets: []target{line(by(byMethod, q.methods(rejectedRecord, matcher(metric.LabelStep, rateLimit.step, concurrencyLimit.step)))+
				" / "+by(byMethod, q.methods(callsRecord)), methodLegend)}},
	}
}

func (q queries) streams() []graph {
	streams := metric.LabelType + `!="unary"`
	per := func(name string) []target {
		return []target{line(by(byMethod, rate(q.methods(name, streams))), methodLegend)}
	}
	return []graph{
		{title: "Running calls and open streams", unit: "short", targets: []target{
			line(by(byMethod, q.methods(metric.ServerRunning)), methodLegend)}},
		{title: "Messages received", unit: "mps", targets: per(metric.ServerReceived)},
		{title: "Messages sent", unit: "mps", targets: per(metric.ServerSent)},
	}
}

func (q queries) podGraphs() []graph {
	per := func(name string) []target { return []target{line(by("pod", q.pods(name)), podLegend)} }
	graphs := []graph{
		{title: "Running calls", unit: "short", targets: per(metric.ServerCalls)},
		{title: "Connections", unit: "short", targets: per(metric.ServerConnections)},
		{title: "Background functions", unit: "short", targets: per(metric.ServerBackground)},
		{title: "Draining", description: "1 while the pod shuts down.", unit: "short", targets: per(metric.ServerDraining)},
	}
	if q.app.tls() {
		expiry := "min by (pod) (" + q.pods(metric.ServerCertificateExpiry) + ") - time()"
		graphs = append(graphs, graph{title: "Time until the certificate expires", unit: "s", targets: []target{line(expiry, podLegend)}})
	}
	return graphs
}

func (q queries) clients() []graph {
	in := q.pods(metric.ClientHandled)
	bucket := rate(q.pods(metric.ClientHandlingSeconds + "_bucket"))
	native := rate(q.pods(metric.ClientHandlingSeconds))
	latency := union([]string{
		"histogram_quantile(0.99, " + by("le, "+byMethod, bucket) + ")", "histogram_quantile(0.99, " + by(byMethod, native) + ")"})
	return []graph{
		{title: "Calls by code", unit: "reqps", targets: []target{
			line(by(metric.LabelService+", "+metric.LabelCode, rate(in)), "{{"+metric.LabelService+"}} {{"+metric.LabelCode+"}}")}},
		{title: "99th percentile of their latency", unit: "s", targets: []target{line(latency, methodLegend)}},
		{title: "Retries and hedges", unit: "reqps", targets: []target{
			line(by(byMethod, rate(q.pods(metric.ClientAttempts))), methodLegend)}},
	}
}
