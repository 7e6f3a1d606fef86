package deploy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// large returns an app with many methods, each with its own timeout.
func large(methods int, name string) deploy.App {
	app := shop()
	app.Services = nil
	for i := range methods {
		if i%50 == 0 {
			app.Services = append(app.Services, deploy.Service{FullName: fmt.Sprintf("large.v1.Service%d", i)})
		}
		s := &app.Services[len(app.Services)-1]
		s.Methods = append(s.Methods, deploy.Method{
			Name: fmt.Sprintf("%s%d", name, i), Policy: policy.Policy{Timeout: time.Duration(i+6) * time.Millisecond},
		})
	}
	return app
}

// TestManyMethods checks that hundreds of methods fit into a cluster, and that an app with too many
// is an error that names the way out.
func TestManyMethods(t *testing.T) {
	small, files := filesOf(t, shop()), filesOf(t, large(500, "Method"))
	if n := len(files["monitoring/prometheusrule.yaml"]); n > 1<<19 {
		t.Errorf("500 methods make rules of %d bytes", n)
	}
	if a, b := small["monitoring/dashboard.json"], files["monitoring/dashboard.json"]; len(b) > len(a)+100 {
		t.Errorf("the dashboard grows from %d to %d bytes with the methods", len(a), len(b))
	}
	app := large(1500, strings.Repeat("Long", 20))
	if _, err := deploy.Files(app); err == nil || !strings.Contains(err.Error(), "leave out the part monitoring") {
		t.Errorf("1500 methods: %v", err)
	}
	app.Monitoring = false
	filesOf(t, app)
}

// TestThresholds checks which methods have an objective for their latency, and which bound.
func TestThresholds(t *testing.T) {
	for _, tt := range []struct {
		method deploy.Method
		bound  string // "" means none
	}{
		{deploy.Method{Policy: policy.Policy{Timeout: 2 * time.Second}}, "1"},
		{deploy.Method{Policy: policy.Policy{Timeout: time.Second}}, "0.75"},
		{deploy.Method{Policy: policy.Policy{Timeout: time.Hour}}, "10"},
		{deploy.Method{Policy: policy.Policy{Timeout: 10 * time.Second, MaxTimeout: time.Second}}, "0.75"},
		{deploy.Method{Policy: policy.Policy{Timeout: policy.None, MaxTimeout: 3 * time.Second}}, "2.5"},
		{deploy.Method{Policy: policy.Policy{Timeout: policy.None}}, ""},
		{deploy.Method{Policy: policy.Policy{Timeout: 5 * time.Millisecond}}, ""},
		{deploy.Method{}, ""},
		{deploy.Method{Stream: true, Policy: policy.Policy{Timeout: time.Second, TotalTimeout: time.Minute}}, ""},
	} {
		tt.method.Name = "Get"
		rules := string(filesOf(t, one(tt.method))["monitoring/prometheusrule.yaml"])
		if got := strings.Join(lines(rules, "threshold: "), ";"); got != "" != (tt.bound != "") ||
			tt.bound != "" && got != "threshold: '"+tt.bound+"'" {
			t.Errorf("%+v: %q, want %q", tt.method.Policy, got, tt.bound)
		}
		if has := strings.Contains(rules, "GRPCSlowCalls"); has != (tt.bound != "") {
			t.Errorf("%+v: there is an alert: %v", tt.method.Policy, has)
		}
	}
}

// TestObjective checks that alerts compare with the error budget of the objective, without the
// noise of binary fractions.
func TestObjective(t *testing.T) {
	for slo, budget := range map[float64]string{99.9: "0.001", 99.95: "0.0005", 95: "0.05", 99.999: "0.00001", 99: "0.01"} {
		app := shop()
		app.SLO = slo
		rules := string(filesOf(t, app)["monitoring/prometheusrule.yaml"])
		if !strings.Contains(rules, "> 14.4 * "+budget+"\n") {
			t.Errorf("%v: no alert compares with %s", slo, budget)
		}
	}
	for _, slo := range []float64{0, 94.999, 99.9999, 100} {
		app := shop()
		app.SLO = slo
		if _, err := deploy.Files(app); err == nil || !strings.Contains(err.Error(), "slo: ") {
			t.Errorf("%v: %v", slo, err)
		}
	}
}
