package conform_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// program returns the path of a program of Debian's package prometheus.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	get := "there is no " + name + "; run make test-servers, or install the package prometheus"
	if os.Getenv("CI") == "true" {
		t.Fatal(get)
	}
	t.Skip(get)
	return ""
}

// writeRules writes the rules of an app to a directory, in the form that Prometheus reads.
func writeRules(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	rule := decode[monitoringv1.PrometheusRule](t, files, "monitoring/prometheusrule.yaml")
	text, err := yaml.Marshal(rule.Spec)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "rules.yaml"), text)
}

// promtool runs promtool in a directory.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(program(t, "promtool"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestRulesAreValid checks the expressions and the templates of the annotations of all apps. It
// fails if a series is recorded by two rules.
func TestRulesAreValid(t *testing.T) {
	forEachMonitored(t, func(t *testing.T, _ deploy.App, files map[string][]byte) {
		dir := t.TempDir()
		writeRules(t, dir, files)
		promtool(t, dir, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
	})
}

// TestAlerts runs the tests of the rules in testdata: which alerts fire, and which do not.
func TestAlerts(t *testing.T) {
	for name, app := range map[string]string{"alerts": "shop", "certificate": "tls"} {
		t.Run(name, func(t *testing.T) {
			files, err := deploy.Files(apps()[app])
			if err != nil {
				t.Fatal(err)
			}
			cases, err := os.ReadFile(filepath.Join("testdata", name+"_test.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			writeRules(t, dir, files)
			write(t, filepath.Join(dir, "cases.yaml"), cases)
			promtool(t, dir, "test", "rules", "cases.yaml")
		})
	}
}
