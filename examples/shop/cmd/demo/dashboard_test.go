package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
)

// TestDashboard generates the dashboard of the shop, and runs its queries against a Prometheus that
// scrapes the shop while it is called.
func TestDashboard(t *testing.T) {
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is missing; run make test-servers")
		}
		t.Skip("prometheus is missing; apt-get install prometheus, or make test-servers, installs it")
	}
	bin := t.TempDir()
	if err := process.Build(t.Context(), bin, "server", "client"); err != nil {
		t.Fatal(err)
	}
	dashboard, rules := generateMonitoring(t, bin)
	queries := dashboardQueries(t, dashboard)
	if len(queries) < 10 {
		t.Fatalf("the dashboard has only %d queries", len(queries))
	}
	supplier := startShop(t, bin)
	shop := startShop(t, bin, "SHOP_SUPPLIER="+supplier.Addr) // has metrics of a client, too
	api := scrape(t, prometheus, shop.Admin, rules)
	call := func() ([]byte, error) {
		return exec.CommandContext(t.Context(), filepath.Join(bin, "client"), "-addr", shop.Addr,
			"-timeout", "10m").CombinedOutput()
	}
	if out, err := call(); err != nil {
		t.Fatalf("client: %v\n%s", err, out)
	}
	missing := without(t, api, queries)
	for deadline := time.Now().Add(4 * time.Minute); len(missing) > 0 && time.Now().Before(deadline); {
		_, _ = call() // the rates of the shop end it, which the dashboard shows too
		missing = without(t, api, missing)
	}
	for _, query := range missing {
		t.Errorf("no series: %s", query)
	}
}

// startShop starts a shop without encryption, until the test ends.
func startShop(t *testing.T, bin string, env ...string) *process.Server {
	t.Helper()
	shop, err := process.Start(t.Context(), filepath.Join(bin, "server"), io.Discard, env, "-uploads", t.TempDir(), "-drain-delay", "0s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shop.Kill)
	return shop
}

// generateMonitoring generates the part monitoring of the shop's manifests in a copy of its protos,
// and returns the dashboard and the rules.
func generateMonitoring(t *testing.T, bin string) (dashboard, rules []byte) {
	t.Helper()
	build := exec.Command("go", "build", "-o", bin, "github.com/grpcservice/grpcservice/cmd/protoc-gen-grpcservice")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	shop, dir := filepath.Join("..", ".."), t.TempDir()
	for _, part := range []string{"proto", "third_party", ".protos", "cmd/server"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(shop, part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"buf.yaml", "go.mod"} {
		text, err := os.ReadFile(filepath.Join(shop, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	template, err := json.Marshal(map[string]any{
		"version": "v2", "inputs": []any{map[string]any{"directory": "proto"}},
		"plugins": []any{map[string]any{
			"local": filepath.Join(bin, "protoc-gen-grpcservice"), "out": ".", "strategy": "all",
			"opt": []string{"emit=deploy", "deploy_dir=deploy", "deploy_parts=monitoring", "app=cmd/server", "app_name=shop", "image=registry.example.com/shop:1"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	generate := exec.Command("buf", "generate", "--template", string(template))
	generate.Dir = dir
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("buf generate: %v\n%s", err, out)
	}
	for name, text := range map[string]*[]byte{"dashboard.json": &dashboard, "prometheusrule.yaml": &rules} {
		if *text, err = os.ReadFile(filepath.Join(dir, "deploy", "monitoring", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dashboard, rules
}

// rulesFile returns the rules of a PrometheusRule as a file of Prometheus, evaluated once a second.
func rulesFile(t *testing.T, rule []byte) []byte {
	t.Helper()
	_, spec, ok := strings.Cut(string(rule), "\nspec:\n")
	if !ok {
		t.Fatalf("a rule without a spec: %s", rule)
	}
	return []byte(strings.ReplaceAll(spec, "interval: 30s", "interval: 1s"))
}

// dashboardQueries returns the queries of the panels, with all variables at All.
func dashboardQueries(t *testing.T, text []byte) (queries []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	all := strings.NewReplacer("$__rate_interval", "1m", "$namespace", ".*", "$service", ".*", "$method", ".*")
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, all.Replace(target.Expr))
		}
	}
	return queries
}

// scrape starts a Prometheus that scrapes target as the PodMonitor does and evaluates the rules of a
// PrometheusRule, and returns its address.
func scrape(t *testing.T, program, target string, rule []byte) (addr string) {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
- job_name: shop
  static_configs:
  - targets: [%q]
    labels: {namespace: prod, pod: pod-1, app_version: v1}
`, target)
	for name, text := range map[string][]byte{"prometheus.yaml": []byte(config), "rules.yaml": rulesFile(t, rule)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = lis.Addr().String()
	lis.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address="+addr)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get("http://" + addr + "/-/ready"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return addr
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("prometheus does not start")
		}
	}
}

// without returns the queries that return no series yet. A query that is wrong fails the test.
func without(t *testing.T, api string, queries []string) (missing []string) {
	t.Helper()
	for _, query := range queries {
		resp, err := http.PostForm("http://"+api+"/api/v1/query", url.Values{"query": {query}})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Error string
			Data  struct{ Result []any }
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil || answer.Error != "" {
			t.Fatalf("%s: %v %s", query, err, answer.Error)
		}
		if len(answer.Data.Result) == 0 {
			missing = append(missing, query)
		}
	}
	return missing
}
