package conform_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)

// prometheus is a Prometheus that a test has started on its own port and in its own directory.
type prometheus struct {
	t      *testing.T
	addr   string
	client http.Client
}

// startPrometheus starts a Prometheus that scrapes target once a second as the PodMonitor does, and
// evaluates the rules of files as often. It is stopped when the test ends.
func startPrometheus(t *testing.T, app, target string, files map[string][]byte, args ...string) *prometheus {
	t.Helper()
	path, dir := program(t, "prometheus"), t.TempDir()
	fast := maps.Clone(files)
	fast["monitoring/prometheusrule.yaml"] = []byte(strings.ReplaceAll(string(files["monitoring/prometheusrule.yaml"]), "interval: 30s", "interval: 1s"))
	writeRules(t, dir, fast)
	write(t, filepath.Join(dir, "prometheus.yaml"), fmt.Appendf(nil, `
global: {scrape_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
- job_name: %s
  static_configs:
  - targets: [%q]
    labels: {namespace: prod, pod: pod-1, app_version: v1}
`, app, target))
	for range 5 { // another process may take the port in between
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := &prometheus{t: t, addr: lis.Addr().String(), client: http.Client{Timeout: time.Minute}}
		lis.Close()
		if p.run(dir, exec.Command(path, append([]string{
			"--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address=" + p.addr, "--log.level=warn",
		}, args...)...)) {
			return p
		}
	}
	t.Fatal("prometheus does not start")
	return nil
}

// run starts the program, and reports whether it becomes ready.
func (p *prometheus) run(dir string, cmd *exec.Cmd) bool {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // it is killed
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if resp, err := p.client.Get("http://" + p.addr + "/-/ready"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			p.t.Logf("prometheus ended: %s", text)
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

// query returns the number of series that a query returns.
func (p *prometheus) query(expr string) (int, error) {
	resp, err := p.client.PostForm("http://"+p.addr+"/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Error string
		Data  struct{ Result []any }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, err
	}
	if answer.Error != "" {
		return 0, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result), nil
}

// wantSeries waits until each query returns at least one series. A query that is wrong fails at
// once.
func (p *prometheus) wantSeries(queries []string) {
	p.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for _, expr := range queries {
		for {
			n, err := p.query(expr)
			if err != nil {
				p.t.Fatal(err)
			}
			if n > 0 {
				break
			}
			if time.Now().After(deadline) {
				p.t.Errorf("no series: %s", expr)
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// dashboardQueries returns the queries of a dashboard, with all its variables at All.
func dashboardQueries(t *testing.T, files map[string][]byte) (queries []string) {
	t.Helper()
	_, dashboard := dashboardOf(t, files)
	values := strings.NewReplacer("$__rate_interval", "1m", "$namespace", ".*", "$service", ".*", "$method", ".*")
	for _, p := range dashboard["panels"].([]any) {
		targets, _ := p.(map[string]any)["targets"].([]any)
		for _, target := range targets {
			queries = append(queries, values.Replace(target.(map[string]any)["expr"].(string)))
		}
	}
	labelValues := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, v := range dashboard["templating"].(map[string]any)["list"].([]any) {
		if m := labelValues.FindStringSubmatch(values.Replace(v.(map[string]any)["query"].(string))); m != nil {
			queries = append(queries, fmt.Sprintf(`group by (%s) (%s) and on (%s) group by (%[1]s) ({%[1]s!=""})`, m[2], m[1], m[2]))
		}
	}
	return queries
}

// selectors returns the selectors in the expressions of all rules, and the expressions of records.
func selectors(t *testing.T, files map[string][]byte) (found []string) {
	t.Helper()
	selector := regexp.MustCompile(`[a-z_0-9:]+\{[^}]*\}`)
	for _, group := range decode[monitoringv1.PrometheusRule](t, files, "monitoring/prometheusrule.yaml").Spec.Groups {
		for _, rule := range group.Rules {
			found = append(found, selector.FindAllString(rule.Expr.StrVal, -1)...)
			if rule.Record != "" {
				found = append(found, rule.Expr.StrVal)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestQueriesFindSeries runs the queries of the dashboard and of the rules against a Prometheus
// that scrapes a server, with classic histograms and with native ones.
func TestQueriesFindSeries(t *testing.T) {
	const histogram = "grpc_server_handling_seconds"
	classic := regexp.MustCompile(`^` + histogram + `_(bucket|count)\{`)
	native := regexp.MustCompile(`^` + histogram + `\{`)
	for name, tt := range map[string]struct {
		args   []string
		absent *regexp.Regexp // selectors of the other histograms
	}{
		"classic": {nil, native},
		"native":  {[]string{"--enable-feature=native-histograms"}, classic},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, files := observedApp(t)
			p := startPrometheus(t, app.Name, serveObserved(t), files, tt.args...)
			queries := append(dashboardQueries(t, files), selectors(t, files)...)
			if len(queries) < 50 {
				t.Errorf("there are only %d queries", len(queries))
			}
			p.wantSeries(slices.DeleteFunc(queries, tt.absent.MatchString))
			// Errors of Put and rejected calls, which the alerts wait for until they fire.
			for _, alert := range []string{"GRPCErrorBudgetBurns", "GRPCConcurrencyLimitRejects", "GRPCRateLimitRejects"} {
				p.wantSeries([]string{fmt.Sprintf("ALERTS{alertname=%q}", alert)})
			}
		})
	}
}

// stockQueries are the queries of dashboards for go-grpc-middleware and its predecessor
// go-grpc-prometheus, as their READMEs and the dashboards of Grafana's catalog have them.
var stockQueries = []string{
	`sum(rate(grpc_server_started_total{job="shop"}[1m])) by (grpc_service)`,
	`sum(rate(grpc_server_started_total{job="shop",grpc_type="unary"}[1m])) by (grpc_service)`,
	`sum(rate(grpc_server_handled_total{job="shop",grpc_type="unary",grpc_code!="OK"}[1m])) by (grpc_service)`,
	`sum(rate(grpc_server_handled_total{job="shop",grpc_type="unary",grpc_code!="OK"}[1m])) by (grpc_service) / sum(rate(grpc_server_started_total{job="shop",grpc_type="unary"}[1m])) by (grpc_service) * 100.0`,
	`sum(rate(grpc_server_handled_total{grpc_code="OK"}[1m])) by (grpc_method)`,
	`sum by (grpc_code) (rate(grpc_server_handled_total[1m]))`,
	`sum(rate(grpc_server_msg_sent_total{job="shop",grpc_type="server_stream"}[10m])) by (grpc_service) / sum(rate(grpc_server_started_total{job="shop",grpc_type="server_stream"}[10m])) by (grpc_service)`,
	`sum(rate(grpc_server_msg_received_total{job="shop"}[1m])) by (grpc_service, grpc_method)`,
	`histogram_quantile(0.99, sum(rate(grpc_server_handling_seconds_bucket{job="shop",grpc_type="unary"}[1m])) by (grpc_service,le))`,
	`100.0 - (sum(rate(grpc_server_handling_seconds_bucket{job="shop",grpc_type="unary",le="0.25"}[1m])) by (grpc_service) / sum(rate(grpc_server_handling_seconds_count{job="shop",grpc_type="unary"}[1m])) by (grpc_service)) * 100.0`,
	`sum(rate(grpc_server_handling_seconds_sum[1m])) by (grpc_method) / sum(rate(grpc_server_handling_seconds_count[1m])) by (grpc_method)`,
	`sum(grpc_server_started_total{job="shop",grpc_type="server_stream"}) - sum(grpc_server_handled_total{job="shop",grpc_type="server_stream"}) > 0`,
	`sum(rate(grpc_client_started_total{job="shop"}[1m])) by (grpc_service, grpc_method)`,
	`sum(rate(grpc_client_handled_total{job="shop",grpc_code!="OK"}[1m])) by (grpc_code)`,
	`sum(rate(grpc_client_msg_received_total{job="shop"}[1m])) by (grpc_method)`,
	`sum(rate(grpc_client_msg_sent_total{job="shop"}[1m])) by (grpc_method)`,
	`histogram_quantile(0.95, sum(rate(grpc_client_handling_seconds_bucket{job="shop"}[1m])) by (grpc_service, grpc_method, le))`,
}

// TestStockDashboards checks that dashboards for go-grpc-middleware work unchanged.
func TestStockDashboards(t *testing.T) {
	app, files := observedApp(t)
	p := startPrometheus(t, app.Name, serveObserved(t), files)
	p.wantSeries(stockQueries)
}
