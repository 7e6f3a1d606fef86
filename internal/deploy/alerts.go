package deploy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Severities of alerts, as kube-prometheus has them: critical pages an engineer, warning waits for
// the morning.
const (
	critical = "critical"
	warning  = "warning"
)

// latencySLO is the percentage of calls that are not slow.
const latencySLO = 99

// leastCalls is how many calls must have failed, or been slow, in the long window of an alert.
// Without it, a single call of a method that is rarely called would raise one.
const leastCalls = 5

// window is a pair of windows of the Google SRE workbook: the budget is used up factor times as
// fast as it may be, in the long one and still in the short one.
type window struct {
	long, short string
	factor      float64
}

// windowsOf are the windows of each severity. At the factors, 2%, 5%, 10% and 10% of a budget of 30
// days are used up in the long window.
var windowsOf = map[string][]window{
	critical: {{"1h", "5m", 14.4}, {"6h", "30m", 6}},
	warning:  {{"1d", "2h", 3}, {"3d", "6h", 1}},
}

// alertsOf returns the alerts of app.
func alertsOf(app App) []promRule {
	rules := errorAlerts(app)
	if len(groupsOf(app, slowBoundOf)) > 0 {
		rules = append(rules, slowAlerts(app)...)
	}
	rules = append(rules, limitAlert(app, rateLimit), limitAlert(app, concurrencyLimit), fullAlert(app), servingAlert(app), policyFileAlert(app))
	if app.tls() {
		rules = append(rules, certificateAlert(app))
	}
	return append(rules, missingAlert(app))
}

// ofMethod is the method of an alert, in its annotations.
const ofMethod = "{{ $labels." + metric.LabelService + " }}/{{ $labels." + metric.LabelMethod + " }}"

// percent is the value of an alert, in its annotations.
const percent = "{{ $value | humanizePercentage }}"

// errorAlerts returns the alerts about methods that fail.
func errorAlerts(app App) (rules []promRule) {
	for _, severity := range []string{critical, warning} {
		rules = append(rules, alert("GRPCErrorBudgetBurns", severity, "2m",
			burn(faultsRecord, callsRecord, "", app, app.budget(), windowsOf[severity]),
			ofMethod+" fails too often",
			fmt.Sprintf("%s of the calls fail with a code that is the server's fault (%s). The objective is that %s%% succeed; %s.",
				percent, strings.Join(faultCodes, ", "), number(app.SLO), pace(severity)),
			"See the panel Codes of the dashboard for the code, and the log for the errors and their causes. DeadlineExceeded: "+
				"compare the latency with the timeout; a database or a service that this method calls may be slow. "+
				"Unavailable: see whether pods are restarting. Internal, Unknown: a bug; consider rolling back the last release."))
	}
	return rules
}

// slowAlerts returns the alerts about methods whose latency is close to their timeout.
func slowAlerts(app App) (rules []promRule) {
	for _, severity := range []string{critical, warning} {
		rules = append(rules, alert("GRPCSlowCalls", severity, "2m",
			burn(slowRecord, callsRecord, "threshold", app, budgetOf(latencySLO), windowsOf[severity]),
			ofMethod+" is close to its timeout",
			fmt.Sprintf("%s of the calls take longer than {{ $labels.threshold }} s, the largest bound of the latency buckets below "+
				"the timeout of the method. The objective is that %d%% do not; %s.", percent, latencySLO, pace(severity)),
			"Calls that reach the timeout fail. See the panels of latency for when it began, and compare CPU, the calls per second and "+
				"the concurrency at that time. If the method needs longer, raise its timeout in the proto and generate again."))
	}
	return rules
}

// pace describes the severity of a burn rate.
func pace(severity string) string {
	if severity == critical {
		return "at this rate, the error budget of 30 days lasts 5 days or less"
	}
	return "at this rate, the error budget of 30 days does not last 30 days"
}

// budget returns the share of calls that may fail.
func (a App) budget() float64 { return budgetOf(a.SLO) }

// budgetOf returns the share of calls that an objective in percent permits to miss it.
func budgetOf(slo float64) float64 { return math.Round((100-slo)*1e6) / 1e8 }

// burn returns the expression of an alert with several windows. bad and all are recorded rates; bad
// may have an additional label.
func burn(bad, all, label string, app App, budget float64, windows []window) string {
	match := " / "
	if label != "" {
		match = " / ignoring (" + label + ") group_left () "
	}
	in := "{" + jobOf(app) + "}"
	ratio := func(window string) string {
		return "sum_over_time(" + bad + in + "[" + window + "])" + match + "sum_over_time(" + all + in + "[" + window + "])"
	}
	var exprs []string
	for _, w := range windows {
		limit := strconv.FormatFloat(w.factor, 'f', -1, 64) + " * " + number(budget)
		exprs = append(exprs, "(\n  "+ratio(w.long)+" > "+limit+
			"\n  and "+ratio(w.short)+" > "+limit+
			"\n  and sum_over_time("+bad+in+"["+w.long+"]) * "+number(scrapeInterval)+" >= "+number(leastCalls)+"\n)")
	}
	return union(exprs)
}

// alert returns an alert. The annotation runbook states what to do.
func alert(name, severity, after, expr, summary, description, runbook string) promRule {
	return promRule{
		Alert: name, Expr: expr, For: after, Labels: map[string]string{"severity": severity},
		Annotations: map[string]string{"summary": summary, "description": description, "runbook": runbook},
	}
}

// limit describes the alert of a step that rejects calls because of a limit.
type limit struct {
	name, step    string
	share         float64
	what, runbook string
}

var rateLimit = limit{
	name: "GRPCRateLimitRejects", step: "rates", share: 0.05, what: "a rate of its policy is used up",
	runbook: "See the panels Calls and Rejected of the dashboard for when it began, and the log for the callers. If one caller sends too much, " +
		"talk to its owners: the limit protects the others. If the traffic is wanted, raise the rates of the method.",
}

var concurrencyLimit = limit{
	name: "GRPCConcurrencyLimitRejects", step: "concurrency", share: 0.01, what: "as many calls as its policy permits are running",
	runbook: "See the panels of limits and latency. Slow calls: find what they wait for, such as a database. More calls than usual: add pods, " +
		"or raise concurrency.limit if the pods have CPU and memory left.",
}

// limitAlert returns the alert about methods whose calls a limit rejects. Only methods with such a
// policy have the series.
func limitAlert(app App, l limit) promRule {
	in := selection(rejectedRecord, jobOf(app), matcher(metric.LabelStep, l.step))
	expr := in + "\n  / ignoring (" + metric.LabelStep + ") group_left () " + selection(callsRecord, jobOf(app)) + " > " + number(l.share)
	return alert(l.name, warning, "10m", expr, ofMethod+" rejects calls by its limit",
		percent+" of the calls are rejected, because "+l.what+".", l.runbook)
}

// fullAlert returns the alert about pods that have almost as many calls or connections as they
// accept.
func fullAlert(app App) promRule {
	in := "{" + jobOf(app) + "}"
	share := func(used, limit string) string { return used + in + " / (" + limit + in + " > 0) > 0.9" }
	return alert("GRPCServerFull", warning, "5m", union([]string{
		share(metric.ServerCalls, metric.ServerCallsLimit), share(metric.ServerConnections, metric.ServerConnectionsLimit)}),
		"A pod of "+app.Name+" accepts hardly any more calls or connections",
		"{{ $labels.pod }} uses "+percent+" of its limit of calls or connections. Above the limit, it rejects them.",
		"See the panel Pods of the dashboard. All pods: add pods, or raise the limit if they have CPU and memory left. One pod: "+
			"clients do not balance; they must use the headless Service or a mesh.")
}

// servingAlert returns the alert about services that report that they cannot work.
func servingAlert(app App) promRule {
	return alert("GRPCServiceNotServing", warning, "5m", metric.ServerServing+"{"+jobOf(app)+"} == 0",
		"A service of "+app.Name+" is not serving",
		"The health of the service {{ $labels."+metric.LabelService+" }} in {{ $labels.pod }} is NOT_SERVING; an empty name is the server as a whole.",
		"The program reports this with Health().SetServing, usually because something that it needs is unavailable; see its log. A pod that "+
			"is not ready receives no calls.")
}

// policyFileAlert returns the alert about a policy file whose last change is not in effect.
func policyFileAlert(app App) promRule {
	return alert("GRPCPolicyFileRejected", warning, "5m", metric.ServerPolicyRejected+"{"+jobOf(app)+"} == 1",
		"A policy file of "+app.Name+" is rejected",
		"{{ $labels.pod }} rejects {{ $labels."+metric.LabelFile+" }} and uses the policies from before the change.",
		"The log of the pod names the line and the problem. Correct the ConfigMap. A pod that restarts meanwhile does not start.")
}

// certificateAlert returns the alert about a certificate that expires soon.
func certificateAlert(app App) promRule {
	return alert("GRPCCertificateExpires", critical, "10m",
		metric.ServerCertificateExpiry+"{"+jobOf(app)+"} - time() < 3 * 86400",
		"The certificate of "+app.Name+" expires soon",
		"The certificate that {{ $labels.pod }} uses expires in {{ $value | humanizeDuration }}. Then no client can connect.",
		"Renew it in the Secret "+app.TLSSecret+"; with cert-manager, see why the Certificate is not ready. Pods use a new one "+
			"without a restart. Certificates that always live shorter than 3 days need another threshold here.")
}

// missingAlert returns the alert about metrics that nobody reads, without which the others are
// silent.
func missingAlert(app App) promRule {
	return alert("GRPCMetricsMissing", warning, "10m", "absent(up{"+jobOf(app)+"} == 1)",
		"Prometheus reads no metrics of "+app.Name,
		"Prometheus reads the metrics of no pod, so the other alerts cannot fire.",
		"See the targets page of Prometheus. No target: the Prometheus does not select the PodMonitor, or no pod runs. A target that is "+
			"down: the program must listen on "+envAdminAddr+", and the NetworkPolicy must admit Prometheus.")
}
