package deploy

// networkPolicy is a NetworkPolicy of networking.k8s.io/v1.
type networkPolicy struct {
	object `yaml:",inline"`
	Spec   networkPolicySpec `yaml:"spec"`
}

type networkPolicySpec struct {
	PodSelector labelSelector `yaml:"podSelector"`
	PolicyTypes []string      `yaml:"policyTypes"`
	Ingress     []ingressRule `yaml:"ingress"`
}

type ingressRule struct {
	Ports []policyPort `yaml:"ports"`
}

type policyPort struct {
	Protocol string `yaml:"protocol"`
	Port     int    `yaml:"port"`
}

// networkPolicyOf returns what lets others reach the port of app, and nothing else of its pods.
func networkPolicyOf(app App) manifest {
	return manifest{
		file: "kubernetes/networkpolicy.yaml",
		head: "Others reach " + app.Name + " at its port only. Add a from to say which others. What else its pods have to be reached at goes below ports: 15008 in a mesh of Istio's ambient mode, 15020 for the metrics of its proxies, or a port with metrics of your own.",
		object: networkPolicy{ofApp(app, "networking.k8s.io/v1", "NetworkPolicy"), networkPolicySpec{
			PodSelector: labelSelector{appLabels(app)},
			PolicyTypes: []string{"Ingress"},
			Ingress:     []ingressRule{{[]policyPort{{"TCP", app.Port}}}},
		}},
	}
}
