package conform_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// TestKubernetesTypes checks that each manifest decodes into the Kubernetes types and that the
// manifests agree: selectors match the pods, ports are open, and referenced names exist.
func TestKubernetesTypes(t *testing.T) {
	forEach(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		d := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml")
		isA(t, d.TypeMeta, "apps/v1", "Deployment", d.Name)
		pod := d.Spec.Template
		checkPod(t, app, pod)

		protocol := "grpc"
		if app.TLSSecret != "" {
			protocol = "tls"
		}
		for path, ip := range map[string]string{"kubernetes/service.yaml": "", "kubernetes/service-headless.yaml": "None"} {
			s := decode[corev1.Service](t, files, path)
			isA(t, s.TypeMeta, "v1", "Service", s.Name)
			port := s.Spec.Ports[0]
			if s.Spec.ClusterIP != ip || port.TargetPort.StrVal != pod.Spec.Containers[0].Ports[0].Name || port.Port != int32(app.Port) || port.Name != "grpc" || *port.AppProtocol != protocol {
				t.Errorf("%s: %+v", path, s.Spec)
			}
			checkWebPort(t, app, path, s.Spec.Ports[1:], map[bool]string{false: "http", true: "https"}[app.TLSSecret != ""])
			selects(t, path, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}, pod.Labels)
		}
		selects(t, "the Deployment", d.Spec.Selector, pod.Labels)

		b := decode[policyv1.PodDisruptionBudget](t, files, "kubernetes/poddisruptionbudget.yaml")
		isA(t, b.TypeMeta, "policy/v1", "PodDisruptionBudget", b.Name)
		selects(t, "the PodDisruptionBudget", b.Spec.Selector, pod.Labels)

		n := decode[networkingv1.NetworkPolicy](t, files, "kubernetes/networkpolicy.yaml")
		isA(t, n.TypeMeta, "networking.k8s.io/v1", "NetworkPolicy", n.Name)
		selects(t, "the NetworkPolicy", &n.Spec.PodSelector, pod.Labels)
		want := []int{app.Port}
		if app.WebPort != 0 {
			want = append(want, app.WebPort)
		}
		var open []int
		for _, p := range n.Spec.Ingress[0].Ports {
			open = append(open, p.Port.IntValue())
		}
		if got := n.Spec.Ingress[0]; !slices.Equal(open, want) || len(got.From) != len(app.Callers) {
			t.Errorf("the NetworkPolicy opens %v", got)
		}
		checkAdmin(t, app, pod.Spec.Containers[0], n.Spec.Ingress[1:])

		h := decode[autoscalingv2.HorizontalPodAutoscaler](t, files, "kubernetes/horizontalpodautoscaler.yaml")
		isA(t, h.TypeMeta, "autoscaling/v2", "HorizontalPodAutoscaler", h.Name)
		if ref := h.Spec.ScaleTargetRef; ref.Name != d.Name || ref.Kind != d.Kind || ref.APIVersion != d.APIVersion {
			t.Errorf("the HorizontalPodAutoscaler scales %v", ref)
		}
		if m := h.Spec.Metrics[0]; m.Type != autoscalingv2.ContainerResourceMetricSourceType || m.ContainerResource.Container != pod.Spec.Containers[0].Name {
			t.Errorf("the HorizontalPodAutoscaler looks at %+v", m)
		}
		if window := h.Spec.Behavior.ScaleDown.StabilizationWindowSeconds; time.Duration(*window)*time.Second < ageOf(t, pod)*11/10+time.Minute {
			t.Errorf("the HorizontalPodAutoscaler takes pods away after %d s, before connections of age %v reach them", *window, ageOf(t, pod))
		}
		if d.Spec.Replicas != nil || *h.Spec.MinReplicas <= b.Spec.MaxUnavailable.IntVal {
			t.Error("the manifests disagree over how many pods there are")
		}

		a := decode[corev1.ServiceAccount](t, files, "kubernetes/serviceaccount.yaml")
		isA(t, a.TypeMeta, "v1", "ServiceAccount", a.Name)
		if a.Name != pod.Spec.ServiceAccountName || *a.AutomountServiceAccountToken || *pod.Spec.AutomountServiceAccountToken != (len(app.EndpointSlices) > 0) {
			t.Error("the pods have an account of another name, or a token that they do not need")
		}
		checkPermissions(t, app, files, a.Name)
		if slices.Contains(n.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			t.Error("the NetworkPolicy restricts egress; the API server must stay reachable")
		}
	})
}

// checkPod checks the probes of a pod and its permissions.
func checkPod(t *testing.T, app deploy.App, pod corev1.PodTemplateSpec) {
	t.Helper()
	for key, value := range pod.Labels {
		if faults := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(faults) > 0 {
			t.Errorf("label %s: %s: %q", key, value, faults)
		}
	}
	c := pod.Spec.Containers[0]
	for name, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p.GRPC == nil || int(p.GRPC.Port) != probePort(app) || p.GRPC.Service == nil {
			t.Errorf("%s probe: %+v", name, p)
		}
	}
	ready := ""
	if len(app.Services) == 1 {
		ready = app.Services[0].FullName
	}
	if *c.ReadinessProbe.GRPC.Service != ready {
		t.Errorf("the pod is ready when %q is", *c.ReadinessProbe.GRPC.Service)
	}
	if grace := time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second; grace < app.DrainDelay+app.ShutdownTimeout+3*time.Second {
		t.Errorf("the pod is killed after %v", grace)
	}
	s, ps := c.SecurityContext, pod.Spec.SecurityContext
	if !*ps.RunAsNonRoot || *ps.RunAsUser == 0 || *ps.RunAsGroup == 0 || ps.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault ||
		*s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
		t.Errorf("the pod may do more than it needs: %+v, %+v", ps, s)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if request, limit := c.Resources.Requests[name], c.Resources.Limits[name]; request.IsZero() || request.Cmp(limit) > 0 {
			t.Errorf("%s: requests %v, limits %v", name, request.String(), limit.String())
		}
	}
	for _, e := range c.Env {
		switch e.Name {
		case "DRAIN_DELAY", "SHUTDOWN_TIMEOUT", "MAX_CONNECTION_AGE", "MAX_CONNECTION_AGE_GRACE":
			if _, err := time.ParseDuration(e.Value); err != nil {
				t.Error(err)
			}
		case "GOMEMLIMIT":
			if e.ValueFrom.ResourceFieldRef.Resource != "requests.memory" {
				t.Errorf("GOMEMLIMIT is %+v", e.ValueFrom)
			}
		}
	}
	tmp := pod.Spec.Volumes[0]
	if m := c.VolumeMounts; m[0].Name != tmp.Name || m[0].MountPath != "/tmp" || m[0].ReadOnly {
		t.Errorf("the container mounts %+v", m)
	}
	checkTLS(t, app, pod.Spec)
	if tmp.EmptyDir == nil || tmp.EmptyDir.SizeLimit.IsZero() || tmp.EmptyDir.Medium != corev1.StorageMediumDefault {
		t.Errorf("/tmp is %+v", tmp.EmptyDir)
	}
	for _, spread := range pod.Spec.TopologySpreadConstraints {
		selects(t, spread.TopologyKey, spread.LabelSelector, pod.Labels)
		// As the API server requires: keys of the selector must not be repeated.
		if spread.WhenUnsatisfiable != corev1.ScheduleAnyway || len(spread.MatchLabelKeys) != 1 ||
			spread.MatchLabelKeys[0] != appsv1.DefaultDeploymentUniqueLabelKey {
			t.Errorf("pods are spread by %+v", spread)
		}
	}
}

// checkTLS checks the certificate of a pod, and the port of its probes.
func checkTLS(t *testing.T, app deploy.App, pod corev1.PodSpec) {
	t.Helper()
	c := pod.Containers[0]
	if app.TLSSecret == "" {
		if len(c.VolumeMounts) != 1 || len(pod.Volumes) != 1 {
			t.Errorf("%d ports, %d volumes of which %d are mounted", len(c.Ports), len(pod.Volumes), len(c.VolumeMounts))
		}
		return
	}
	health := slices.IndexFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == "health" })
	if health < 0 || int(c.Ports[health].ContainerPort) != probePort(app) {
		t.Errorf("the ports are %+v", c.Ports)
	}
	v, m := pod.Volumes[1], c.VolumeMounts[1]
	if v.Secret == nil || v.Secret.SecretName != app.TLSSecret || m.Name != v.Name || !m.ReadOnly || m.SubPath != "" {
		t.Errorf("the certificate is in %+v, mounted as %+v", v, m)
	}
	env := make(map[string]string)
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	if env["TLS"] != m.MountPath || env["HEALTH_ADDR"] != fmt.Sprintf(":%d", probePort(app)) {
		t.Errorf("the environment is %v", env)
	}
}

// checkWebPort checks the ports of a Service after that of gRPC.
func checkWebPort(t *testing.T, app deploy.App, path string, ports []corev1.ServicePort, protocol string) {
	t.Helper()
	if app.WebPort == 0 {
		if len(ports) > 0 {
			t.Errorf("%s has the ports %+v", path, ports)
		}
		return
	}
	if len(ports) != 1 {
		t.Fatalf("%s has the ports %+v", path, ports)
	}
	p, got := ports[0], ""
	if p.AppProtocol != nil {
		got = *p.AppProtocol
	}
	if p.Name != "web" || int(p.Port) != app.WebPort || p.TargetPort.StrVal != "web" || got != protocol {
		t.Errorf("%s has the port %+v", path, p)
	}
}

// TestWebPort checks that the program receives the port that Services and routes lead to, and
// that the two of gRPC and HTTP are checked by the same probes.
func TestWebPort(t *testing.T) {
	forEach(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		c := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml").Spec.Template.Spec.Containers[0]
		port, addr := 0, ""
		for _, p := range c.Ports {
			if p.Name == "web" {
				port = int(p.ContainerPort)
			}
		}
		for _, e := range c.Env {
			if e.Name == "WEB_ADDR" {
				addr = e.Value
			}
		}
		want := ""
		if app.WebPort != 0 {
			want = fmt.Sprintf(":%d", app.WebPort)
		}
		if port != app.WebPort || addr != want {
			t.Errorf("the container has the port %d and WEB_ADDR=%s", port, addr)
		}
	})
}

// checkAdmin checks that the admin page has a port that nothing else has, and that only Prometheus
// reaches it.
func checkAdmin(t *testing.T, app deploy.App, c corev1.Container, rules []networkingv1.NetworkPolicyIngressRule) {
	t.Helper()
	ports := make(map[int32]bool)
	for _, p := range c.Ports {
		if ports[p.ContainerPort] {
			t.Errorf("two ports are %d", p.ContainerPort)
		}
		ports[p.ContainerPort] = true
	}
	addr := ""
	for _, e := range c.Env {
		if e.Name == "ADMIN_ADDR" {
			addr = e.Value
		}
	}
	last := c.Ports[len(c.Ports)-1]
	if !app.Monitoring {
		if addr != "" || last.Name == "admin" || len(rules) != 0 {
			t.Errorf("there is an admin page at %q, port %v, %v", addr, last, rules)
		}
		return
	}
	if last.Name != "admin" || addr != fmt.Sprintf(":%d", last.ContainerPort) {
		t.Errorf("the admin page is at %q, and its port is %+v", addr, last)
	}
	if len(rules) != 1 || len(rules[0].From) != 1 || len(rules[0].Ports) != 1 || rules[0].Ports[0].Port.IntVal != last.ContainerPort {
		t.Fatalf("the NetworkPolicy opens %+v", rules)
	}
	// As the Prometheus Operator labels its pods.
	selects(t, "the NetworkPolicy", rules[0].From[0].PodSelector, labels.Set{"app.kubernetes.io/name": "prometheus"})
	if s := rules[0].From[0].NamespaceSelector; s == nil || len(s.MatchLabels)+len(s.MatchExpressions) != 0 {
		t.Errorf("the NetworkPolicy admits Prometheus of the namespaces %v", s)
	}
}

// ageOf returns the maximum connection age of a pod.
func ageOf(t *testing.T, pod corev1.PodTemplateSpec) time.Duration {
	t.Helper()
	for _, e := range pod.Spec.Containers[0].Env {
		if e.Name == "MAX_CONNECTION_AGE" {
			age, err := time.ParseDuration(e.Value)
			if err != nil || age <= 0 || age > 5*time.Minute {
				t.Errorf("MAX_CONNECTION_AGE is %q", e.Value)
			}
			return age
		}
	}
	t.Error("MAX_CONNECTION_AGE is not set")
	return 0
}

// isA checks the API version, kind and name of a manifest.
func isA(t *testing.T, meta metav1.TypeMeta, apiVersion, kind, name string) {
	t.Helper()
	if meta.APIVersion != apiVersion || meta.Kind != kind {
		t.Errorf("it is a %s %s, want %s %s", meta.APIVersion, meta.Kind, apiVersion, kind)
	}
	if faults := validation.IsDNS1035Label(name); len(faults) > 0 {
		t.Errorf("the %s is called %q: %q", kind, name, faults)
	}
}

// selects checks that a selector matches pods with these labels.
func selects(t *testing.T, what string, selector *metav1.LabelSelector, of labels.Set) {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || s.Empty() || !s.Matches(of) {
		t.Errorf("%s selects %v, %v", what, s, err)
	}
}
