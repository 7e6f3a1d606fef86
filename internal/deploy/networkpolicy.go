package deploy

import "strings"

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
	From  []networkPeer `yaml:"from,omitempty"`
	Ports []policyPort  `yaml:"ports"`
}

// networkPeer selects pods. Without a namespaceSelector they are those of the policy's namespace,
// and without a podSelector all of the namespaces.
type networkPeer struct {
	NamespaceSelector *selector `yaml:"namespaceSelector,omitempty"`
	PodSelector       *selector `yaml:"podSelector,omitempty"`
}

// selector is a labelSelector that may be empty, which selects everything.
type selector struct {
	MatchLabels map[string]string `yaml:"matchLabels,omitempty"`
}

type policyPort struct {
	Protocol string `yaml:"protocol"`
	Port     int    `yaml:"port"`
}

// callersNote is the comment above the callers.
const callersNote = "Namespaces are selected by the label that Kubernetes sets, pods by the label app, as the " +
	"pods of emit=deploy have it. The pods of a gateway or an ingress controller need an entry too."

// networkPolicyOf returns the NetworkPolicy that allows connections to the ports of app and to no
// other port of its pods.
func networkPolicyOf(app App) manifest {
	health := ""
	if app.tls() {
		health = " The port for probes stays closed: Kubernetes always lets a node connect to its pods."
	}
	ports, named := []policyPort{{"TCP", app.Port}}, "the port of "+app.Name
	if app.web() {
		ports, named = append(ports, policyPort{"TCP", app.WebPort}), "the ports of "+app.Name+" for gRPC and HTTP"
	}
	rules, page, remarks := []ingressRule{{From: callersOf(app), Ports: ports}}, "", make(notes)
	sources, restrict := "connections", " Add a from to restrict the sources."
	if len(app.Callers) > 0 {
		sources, restrict = "connections of "+strings.Join(app.Callers, ", "), " Other pods time out when they connect."
		remarks["spec.ingress[0].from"] = callersNote
	}
	own := ", or your own metrics port"
	if app.Monitoring {
		rules, page, own = append(rules, adminIngress(app)), ", and of Prometheus to its admin page,", ""
		remarks["spec.ingress[1]"] = "The label is that of the pods of the Prometheus Operator. The admin page has no authentication, so nobody else reaches it."
	}
	return manifest{
		file: networkPolicyFile,
		head: "Allows " + sources + " to " + named + page + " only." + health + restrict +
			" Add the other ports that must be reachable below ports: 15008 in Istio's ambient mode, 15020 for " +
			"the metrics of its proxies" + own + ".",
		notes: remarks,
		object: networkPolicy{ofApp(app, "networking.k8s.io/v1", "NetworkPolicy"), networkPolicySpec{
			PodSelector: labelSelector{appLabels(app)},
			PolicyTypes: []string{"Ingress"},
			Ingress:     rules,
		}},
	}
}
