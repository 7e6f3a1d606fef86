package deploy

// networkPolicy is a networking.k8s.io/v1 NetworkPolicy.
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

// networkPolicyOf returns the NetworkPolicy that allows connections to the port of app and to no
// other port of its pods.
func networkPolicyOf(app App) manifest {
	health := ""
	if app.tls() {
		health = " The port for probes stays closed: Kubernetes always lets a node connect to its pods."
	}
	return manifest{
		file: "kubernetes/networkpolicy.yaml",
		head: "Allows connections to the port of " + app.Name + " only." + health + " Add a from to restrict the sources. Add the other ports that must be reachable below ports: 15008 in Istio's ambient mode, 15020 for the metrics of its proxies, or your own metrics port.",
		object: networkPolicy{ofApp(app, "networking.k8s.io/v1", "NetworkPolicy"), networkPolicySpec{
			PodSelector: labelSelector{appLabels(app)},
			PolicyTypes: []string{"Ingress"},
			Ingress:     []ingressRule{{[]policyPort{{"TCP", app.Port}}}},
		}},
	}
}
