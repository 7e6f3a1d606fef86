package deploy

import (
	"strings"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// prometheusRule is a monitoring.coreos.com/v1 PrometheusRule.
type prometheusRule struct {
	object `yaml:",inline"`
	Spec   prometheusRuleSpec `yaml:"spec"`
}

type prometheusRuleSpec struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name     string     `yaml:"name"`
	Interval string     `yaml:"interval"`
	Rules    []promRule `yaml:"rules"`
}

// promRule records a series, or is an alert.
type promRule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// shortest is the window of the recorded rates. Longer windows are sums of these.
const shortest = "5m"

// The recorded series, by method. Prometheus' convention is level:metric:operations.
var (
	callsRecord    = recordOf(metric.ServerHandled, ":rate5m")
	faultsRecord   = recordOf(metric.ServerHandled, "_faults:rate5m")
	slowRecord     = recordOf(metric.ServerHandled, "_slow:rate5m")
	rejectedRecord = recordOf(metric.ServerRejected, ":rate5m")
	quantileRecord = recordOf(metric.ServerHandlingSeconds, ":histogram_quantile")
	timeoutRecord  = recordOf("grpc_server_timeout_seconds", "")
)

// recordOf returns the name of a recorded series.
func recordOf(name, operation string) string {
	return "grpc_method:" + strings.TrimSuffix(name, "_total") + operation
}

// faultCodes are the codes that OpenTelemetry regards as errors of a server. The others are errors
// of a caller, or answers.
var faultCodes = []string{"Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss"}

// prometheusRuleOf returns the PrometheusRule of app.
func prometheusRuleOf(app App) manifest {
	interval := number(scrapeInterval) + "s"
	return manifest{
		file: ruleFile,
		head: "What " + app.Name + " records for its dashboard, and its alerts. One Prometheus must have it once: if it watches " +
			"several namespaces with this app, apply it in one of them. The series and the alerts have the label namespace.",
		object: prometheusRule{ofApp(app, operatorVersion, "PrometheusRule"), prometheusRuleSpec{[]ruleGroup{
			{app.Name + ".records", interval, recordsOf(app)},
			{app.Name + ".alerts", interval, alertsOf(app)},
		}}},
		notes: notes{
			"spec.groups[0].interval": "The alerts multiply by these seconds; if you change them, change the alerts too.",
		},
	}
}

// recordsOf returns the recording rules. They keep dashboards and long windows cheap: raw series
// exist for each pod, method and code.
func recordsOf(app App) []promRule {
	in := []string{jobOf(app), servicesOf(app)}
	faults := append(in[:2:2], matcher(metric.LabelCode, faultCodes...))
	rules := []promRule{
		{Record: callsRecord, Expr: methodSum(perSecond(metric.ServerHandled, in...))},
		{Record: faultsRecord, Expr: union([]string{
			methodSum(perSecond(metric.ServerHandled, faults...)), "0 * " + selection(callsRecord, in...)})},
		{Record: rejectedRecord, Expr: "sum by (" + methodLabels + ", " + metric.LabelStep + ") (" +
			perSecond(metric.ServerRejected, in...) + ")"},
	}
	if app.unary() {
		for _, q := range []string{"0.5", "0.99"} {
			rules = append(rules, promRule{Record: quantileRecord, Expr: quantile(q, in), Labels: map[string]string{"quantile": q}})
		}
	}
	if groups := groupsOf(app, timeoutOf); len(groups) > 0 {
		rules = append(rules, promRule{Record: timeoutRecord, Expr: timeouts(app, groups)})
	}
	return append(rules, slowRules(app)...)
}

// quantile returns a quantile of the latency of unary methods, of classic or native histograms.
func quantile(q string, in []string) string {
	in = append(in[:len(in):len(in)], matcher(metric.LabelType, "unary"))
	of := func(name, by string) string {
		return "histogram_quantile(" + q + ", sum by (" + by + ") (" + perSecond(name, in...) + "))"
	}
	return union([]string{
		of(metric.ServerHandlingSeconds+"_bucket", "le, "+methodLabels),
		of(metric.ServerHandlingSeconds, methodLabels),
	})
}

// timeouts returns the timeout of each method that has one, as a series.
func timeouts(app App, groups []methodGroup) string {
	var exprs []string
	for _, g := range groups {
		exprs = append(exprs, "0 * "+selection(callsRecord, g.matchers(app)...)+" + "+number(g.seconds))
	}
	return union(exprs)
}

// slowRules returns a rule for each bound, which records the calls that take longer. The label
// threshold has the bound.
func slowRules(app App) (rules []promRule) {
	groups := groupsOf(app, slowBoundOf)
	for _, bound := range metric.HandlingBuckets() {
		var exprs []string
		for _, g := range groups {
			if g.seconds == bound {
				exprs = append(exprs, slowCalls(bound, g.matchers(app)))
			}
		}
		if len(exprs) > 0 {
			rules = append(rules, promRule{
				Record: slowRecord, Expr: union(exprs), Labels: map[string]string{"threshold": number(bound)},
			})
		}
	}
	return rules
}

// slowCalls returns the calls per second that take longer than a bound, of classic or native
// histograms.
func slowCalls(bound float64, in []string) string {
	const name = metric.ServerHandlingSeconds
	native := methodSum(perSecond(name, in...))
	below := append(in[:len(in):len(in)], bucketBound(bound))
	return "clamp_min(" + methodSum(perSecond(name+"_count", in...)) +
		"\n  - " + methodSum(perSecond(name+"_bucket", below...)) + ", 0)" +
		"\nor\nhistogram_count(" + native + ")" +
		"\n  * (1 - histogram_fraction(0, " + number(bound) + ", " + native + "))"
}
