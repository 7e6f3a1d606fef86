package deploy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// The labels by which series of one method are told apart. namespace and job are those of the
// target.
const methodLabels = "namespace, job, " + metric.LabelService + ", " + metric.LabelMethod

// matcher returns a PromQL matcher for exactly the given values of a label.
func matcher(label string, values ...string) string {
	if len(values) == 1 {
		return label + "=" + strconv.Quote(values[0])
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = regexp.QuoteMeta(value)
	}
	return label + "=~" + strconv.Quote(strings.Join(quoted, "|"))
}

// selection returns a PromQL selector for a metric.
func selection(name string, matchers ...string) string {
	return name + "{" + strings.Join(matchers, ",") + "}"
}

// jobOf returns the matcher for the series of app.
func jobOf(app App) string { return matcher("job", app.Name) }

// servicesOf returns the matcher for the services of app, so that rules do not watch health and
// reflection.
func servicesOf(app App) string {
	names := make([]string, len(app.Services))
	for i, s := range app.Services {
		names[i] = s.FullName
	}
	return matcher(metric.LabelService, names...)
}

// methodSum returns the sum of an expression over the pods of each method.
func methodSum(expr string) string { return "sum by (" + methodLabels + ") (" + expr + ")" }

// perSecond returns the rate of a counter over the shortest window.
func perSecond(name string, matchers ...string) string {
	return "rate(" + selection(name, matchers...) + "[" + shortest + "])"
}

// union combines expressions, one per line, whose series are different.
func union(exprs []string) string { return strings.Join(exprs, "\nor\n") }

// methodGroup is a set of methods of one service for which a rule has the same number.
type methodGroup struct {
	service string
	seconds float64
	methods []string
}

// matchers returns the matchers for the methods of the group.
func (g methodGroup) matchers(app App) []string {
	return []string{jobOf(app), matcher(metric.LabelService, g.service), matcher(metric.LabelMethod, g.methods...)}
}

// groupsOf groups the methods of app for which seconds returns a number other than 0, in the order
// of the services and the numbers.
func groupsOf(app App, seconds func(Method) float64) (groups []methodGroup) {
	for _, s := range app.Services {
		methods := make(map[float64][]string)
		var found []float64
		for _, m := range s.Methods {
			n := seconds(m)
			if n == 0 {
				continue
			}
			if methods[n] == nil {
				found = append(found, n)
			}
			methods[n] = append(methods[n], m.Name)
		}
		slices.Sort(found)
		for _, n := range found {
			groups = append(groups, methodGroup{s.FullName, n, methods[n]})
		}
	}
	return groups
}

// timeoutOf returns the seconds that a unary call has if its client sets no deadline; 0 means that
// no policy limits them.
func timeoutOf(m Method) float64 {
	if m.Stream {
		return 0
	}
	var least time.Duration
	for _, d := range []time.Duration{m.Policy.Timeout, m.Policy.MaxTimeout} {
		if d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least.Seconds()
}

// slowBoundOf returns the largest bound of the latency buckets below the timeout of a method: a
// call that takes longer is slow. It is 0 for a method without a timeout, and for one whose timeout
// is below all bounds.
func slowBoundOf(m Method) (bound float64) {
	for _, b := range metric.HandlingBuckets() {
		if b < timeoutOf(m) {
			bound = b
		}
	}
	return bound
}

// number formats a number for PromQL.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// bucketBound returns the matcher for a bucket. OpenMetrics writes 1 as 1.0.
func bucketBound(bound float64) string {
	text := number(bound)
	if strings.Contains(text, ".") {
		return matcher("le", text)
	}
	return matcher("le", text, text+".0")
}
