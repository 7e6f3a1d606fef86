package conform_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// TestCallers checks which pods a NetworkPolicy admits for each form of a caller.
func TestCallers(t *testing.T) {
	pods := []struct{ namespace, app string }{
		{"shop", "batch"}, {"shop", "probe"}, {"web", "checkout"}, {"web", "batch"}, {"web", "probe"}, {"jobs", "probe"}, {"jobs", ""},
	}
	tests := map[string][]bool{ // by caller, whether each pod is admitted
		"":             {true, true, true, true, true, true, true},
		"batch":        {true, false, false, false, false, false, false},
		"*":            {true, true, false, false, false, false, false},
		"web/checkout": {false, false, true, false, false, false, false},
		"jobs/*":       {false, false, false, false, false, true, true},
		"*/probe":      {false, true, false, false, true, true, false},
	}
	for caller, want := range tests {
		t.Run(caller, func(t *testing.T) {
			app := apps()["unseen"]
			if caller != "" {
				app.Callers = []string{caller}
			}
			files, err := deploy.Files(app)
			if err != nil {
				t.Fatal(err)
			}
			rule := decode[networkingv1.NetworkPolicy](t, files, "kubernetes/networkpolicy.yaml").Spec.Ingress[0]
			for i, pod := range pods {
				if got := admits(t, rule, pod.namespace, pod.app); got != want[i] {
					t.Errorf("pod %s of namespace %s is admitted: %v", pod.app, pod.namespace, got)
				}
			}
		})
	}
}

// admits reports whether a rule in the namespace shop admits a pod, as the API describes it.
func admits(t *testing.T, rule networkingv1.NetworkPolicyIngressRule, namespace, app string) bool {
	t.Helper()
	matches := func(selector *metav1.LabelSelector, set labels.Set) bool {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		return s.Matches(set)
	}
	for _, peer := range rule.From {
		if peer.IPBlock != nil || peer.NamespaceSelector == nil && peer.PodSelector == nil {
			t.Fatalf("the API server rejects the peer %+v", peer)
		}
		inNamespace := namespace == "shop"
		if peer.NamespaceSelector != nil {
			inNamespace = matches(peer.NamespaceSelector, labels.Set{corev1.LabelMetadataName: namespace})
		}
		if inNamespace && (peer.PodSelector == nil || matches(peer.PodSelector, labels.Set{"app": app})) {
			return true
		}
	}
	return len(rule.From) == 0
}
