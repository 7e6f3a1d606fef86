package deploy

import (
	"fmt"
	"slices"
)

// monitoring returns the manifests for Prometheus and Grafana. They are in a separate directory,
// because only clusters with the Prometheus Operator accept them.
func monitoring(app App) []manifest {
	return []manifest{podMonitorOf(app), prometheusRuleOf(app), {
		file: "monitoring/kustomization.yaml",
		head: "kubectl apply -k " + app.Dir + "/monitoring\n" +
			"It requires the Prometheus Operator. The Grafana of kube-prometheus-stack loads ConfigMaps with this label.",
		object: dashboardKustomization{
			kustomizationOf("podmonitor.yaml", "prometheusrule.yaml"),
			[]configMapGenerator{{
				Name:  app.Name + "-dashboard",
				Files: []string{app.Name + ".json=dashboard.json"},
				Options: generatorOptions{
					Labels: map[string]string{"app": app.Name, "grafana_dashboard": "1"}, DisableNameSuffixHash: true,
				},
			}},
		},
	}}
}

// dashboardKustomization is a kustomization that makes a ConfigMap of the dashboard.
type dashboardKustomization struct {
	kustomization      `yaml:",inline"`
	ConfigMapGenerator []configMapGenerator `yaml:"configMapGenerator"`
}

type configMapGenerator struct {
	Name    string           `yaml:"name"`
	Files   []string         `yaml:"files"`
	Options generatorOptions `yaml:"options"`
}

type generatorOptions struct {
	Labels                map[string]string `yaml:"labels"`
	DisableNameSuffixHash bool              `yaml:"disableNameSuffixHash"`
}

// The port of the admin page, which serves the metrics, and the environment variable with its
// address.
const (
	adminPortName = "admin"
	envAdminAddr  = "ADMIN_ADDR"
	defaultAdmin  = 9090
)

// adminPort returns the port of the admin page: 9090, or the next one that nothing else uses.
func (a App) adminPort() int {
	port := defaultAdmin
	for port == a.Port || port == a.WebPort || a.tls() && port == a.probePort() {
		port++
	}
	return port
}

// adminEnv returns the environment variables of the admin page.
func adminEnv(app App) []envVar {
	if !app.Monitoring {
		return nil
	}
	return []envVar{{Name: envAdminAddr, Value: ":" + numbers(app.adminPort())}}
}

// adminNote is the comment above the address of the admin page.
const adminNote = "The admin page listens on all addresses of the pod, not on loopback as by default, so that Prometheus " +
	"reaches /metrics. It has no authentication: the NetworkPolicy admits only Prometheus, and kubectl port-forward works as well."

// excludePortsKey is the annotation that keeps ports out of Istio's proxy.
const excludePortsKey = "traffic.sidecar.istio.io/excludeInboundPorts"

// podMonitor is a monitoring.coreos.com/v1 PodMonitor.
type podMonitor struct {
	object `yaml:",inline"`
	Spec   podMonitorSpec `yaml:"spec"`
}

type podMonitorSpec struct {
	Selector            labelSelector     `yaml:"selector"`
	JobLabel            string            `yaml:"jobLabel"`
	PodMetricsEndpoints []metricsEndpoint `yaml:"podMetricsEndpoints"`
}

type metricsEndpoint struct {
	Port        string    `yaml:"port"`
	Path        string    `yaml:"path"`
	Interval    string    `yaml:"interval"`
	Relabelings []relabel `yaml:"relabelings"`
}

type relabel struct {
	SourceLabels []string `yaml:"sourceLabels"`
	TargetLabel  string   `yaml:"targetLabel"`
}

// operatorVersion is the API version of the Prometheus Operator's manifests.
const operatorVersion = "monitoring.coreos.com/v1"

// scrapeInterval is the time between two scrapes, and between two evaluations of the rules, in
// seconds.
const scrapeInterval = 30

// podMonitorOf returns the PodMonitor of all versions of app.
func podMonitorOf(app App) manifest {
	return manifest{
		file: "monitoring/podmonitor.yaml",
		head: "Prometheus reads the metrics of all pods of " + app.Name + ". A Prometheus that selects PodMonitors by label, " +
			"as that of kube-prometheus-stack does by release, needs this label on the PodMonitor and the PrometheusRule.",
		object: podMonitor{ofApp(app, operatorVersion, "PodMonitor"), podMonitorSpec{
			Selector: labelSelector{appLabels(app)},
			JobLabel: "app",
			PodMetricsEndpoints: []metricsEndpoint{{
				Port: adminPortName, Path: "/metrics", Interval: fmt.Sprintf("%ds", scrapeInterval),
				Relabelings: []relabel{{[]string{"__meta_kubernetes_pod_label_version"}, "app_version"}},
			}},
		}},
		notes: notes{
			"spec.jobLabel": "Sets the label job to " + app.Name + ", by which rules and dashboard select.",
			"spec.podMetricsEndpoints[0].relabelings": "The label is not called version, because a metric has a label of this name.",
		},
	}
}

// adminIngress returns the rule of the NetworkPolicy by which Prometheus reaches the admin page.
func adminIngress(app App) ingressRule {
	return ingressRule{
		From: []networkPeer{{
			NamespaceSelector: &selector{},
			PodSelector:       &selector{MatchLabels: map[string]string{"app.kubernetes.io/name": "prometheus"}},
		}},
		Ports: []policyPort{{"TCP", app.adminPort()}},
	}
}

// Limits of the manifests. A ConfigMap has at most 1 MiB. The Prometheus Operator puts the rules
// into ConfigMaps of at most half of that and does not divide a PrometheusRule.
const (
	maxDashboardBytes = 1 << 20
	maxRulesBytes     = 1 << 19
)

// checkSize returns an error if a file of the monitoring is too large for a cluster.
func checkSize(files map[string][]byte) error {
	for _, limit := range []struct {
		file string
		max  int
	}{{dashboardFile, maxDashboardBytes}, {ruleFile, maxRulesBytes}} {
		if size := len(files[limit.file]); size > limit.max {
			return fmt.Errorf("deploy_parts: %s would have %d bytes, and a cluster accepts %d; "+
				"leave out the part monitoring, or divide the program", limit.file, size, limit.max)
		}
	}
	return nil
}

// unary reports whether app has unary methods.
func (a App) unary() bool {
	return slices.ContainsFunc(a.Services, func(s Service) bool {
		return slices.ContainsFunc(s.Methods, func(m Method) bool { return !m.Stream })
	})
}
