package conform_test

import (
	"encoding/json"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// forEachMonitored is forEach for apps with monitoring. The others have no file of it.
func forEachMonitored(t *testing.T, test func(t *testing.T, app deploy.App, files map[string][]byte)) {
	forEach(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		if app.Monitoring {
			test(t, app, files)
			return
		}
		for name := range files {
			if strings.HasPrefix(name, "monitoring/") {
				t.Errorf("there is %s", name)
			}
		}
	})
}

// TestMonitoringTypes checks that the manifests decode into the types of the Prometheus Operator,
// and that the PodMonitor selects the pods and a port of the Deployment.
func TestMonitoringTypes(t *testing.T) {
	forEachMonitored(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		pod := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml").Spec.Template
		m := decode[monitoringv1.PodMonitor](t, files, "monitoring/podmonitor.yaml")
		isA(t, m.TypeMeta, "monitoring.coreos.com/v1", "PodMonitor", m.Name)
		selects(t, "the PodMonitor", &m.Spec.Selector, pod.Labels)
		if job := pod.Labels[m.Spec.JobLabel]; job != app.Name {
			t.Errorf("the job is %q", job)
		}
		ports := pod.Spec.Containers[0].Ports
		if endpoint := m.Spec.PodMetricsEndpoints[0]; *endpoint.Port != ports[len(ports)-1].Name || endpoint.Path != "/metrics" {
			t.Errorf("the PodMonitor scrapes %+v", endpoint)
		}
		if port := pod.Annotations["traffic.sidecar.istio.io/excludeInboundPorts"]; app.TLSSecret == "" && port != "9090" {
			t.Errorf("Istio's proxy leaves out port %q", port)
		}
		r := decode[monitoringv1.PrometheusRule](t, files, "monitoring/prometheusrule.yaml")
		isA(t, r.TypeMeta, "monitoring.coreos.com/v1", "PrometheusRule", r.Name)
		for _, group := range r.Spec.Groups {
			for _, rule := range group.Rules {
				checkAlert(t, rule)
			}
		}
	})
}

// checkAlert checks that an alert explains itself without a link.
func checkAlert(t *testing.T, rule monitoringv1.Rule) {
	t.Helper()
	if rule.Alert == "" {
		return
	}
	if severity := rule.Labels["severity"]; severity != "critical" && severity != "warning" {
		t.Errorf("%s has the severity %q", rule.Alert, severity)
	}
	for _, name := range []string{"summary", "description", "runbook"} {
		if text := rule.Annotations[name]; len(text) < 20 || strings.Contains(text, "://") {
			t.Errorf("%s: %s: %q", rule.Alert, name, text)
		}
	}
}

// dashboardOf returns the dashboard as Grafana's sidecar finds it: in a ConfigMap with a label.
func dashboardOf(t *testing.T, files map[string][]byte) (configMap corev1.ConfigMap, dashboard map[string]any) {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	for name, content := range files {
		if err := fs.WriteFile("/deploy/"+name, content); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/deploy/monitoring")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range built.Resources() {
		if r.GetKind() != "ConfigMap" {
			continue
		}
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range configMap.Data {
		if err := json.Unmarshal([]byte(text), &dashboard); err != nil {
			t.Fatal(err)
		}
	}
	return configMap, dashboard
}

// TestDashboard checks the ConfigMap of the dashboard, and what Grafana rejects or repairs in a
// dashboard: identifiers, places, and references to variables.
func TestDashboard(t *testing.T) {
	forEachMonitored(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		configMap, dashboard := dashboardOf(t, files)
		isA(t, configMap.TypeMeta, "v1", "ConfigMap", configMap.Name)
		if len(configMap.Data) != 1 || configMap.Data[app.Name+".json"] == "" || configMap.Labels["grafana_dashboard"] != "1" {
			t.Errorf("the ConfigMap has labels %v and %d files", configMap.Labels, len(configMap.Data))
		}
		for key, value := range configMap.Labels {
			if faults := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(faults) > 0 {
				t.Errorf("label %s: %s: %q", key, value, faults)
			}
		}
		if uid := dashboard["uid"].(string); len(uid) > 40 {
			t.Errorf("the uid %s is too long for Grafana", uid)
		}
		checkPanels(t, dashboard["panels"].([]any))
	})
}

// checkPanels checks that panels have different numbers, and do not overlap.
func checkPanels(t *testing.T, panels []any) {
	t.Helper()
	ids, cells := make(map[any]bool), make(map[[2]int]any)
	for _, p := range panels {
		panel := p.(map[string]any)
		if id := panel["id"]; ids[id] {
			t.Errorf("two panels are %v", id)
		}
		ids[panel["id"]] = true
		at := panel["gridPos"].(map[string]any)
		n := func(key string) int { return int(at[key].(float64)) }
		for x := n("x"); x < n("x")+n("w"); x++ {
			for y := n("y"); y < n("y")+n("h"); y++ {
				if other := cells[[2]int{x, y}]; other != nil || x >= 24 {
					t.Fatalf("panel %v lies over %v, or beyond the width", panel["title"], other)
				}
				cells[[2]int{x, y}] = panel["title"]
			}
		}
	}
}
