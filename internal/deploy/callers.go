package deploy

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// namespaceLabel is the label with the name of a namespace, which Kubernetes itself sets. Nobody
// can give a namespace the label of another.
const namespaceLabel = "kubernetes.io/metadata.name"

// callerPattern matches a caller: an app of the same namespace, or a namespace and an app, where an
// asterisk stands for all.
var callerPattern = lazyregexp.New(`^((\*|` + dnsLabel + `)/)?(\*|` + dnsLabel + `)$`)

// dnsLabel matches the name of a namespace, and of an app.
const dnsLabel = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`

// callers reports callers that are invalid, repeated, or all pods of the cluster.
func (f *faults) callers(callers []string) {
	seen := make(map[string]bool)
	for _, caller := range callers {
		switch {
		case caller == "*/*":
			f.add(`callers: "*/*" is every pod of the cluster; leave the parameter out`)
		case !callerPattern.MatchString(caller):
			f.add(`callers: %q is not a caller; want "namespace/app", "namespace/*", "*/app", or "app" `+
				`for one of the same namespace`, caller)
		case seen[caller]:
			f.add("callers: %q is there twice; remove one of them", caller)
		}
		seen[caller] = true
	}
}

// callersOf returns the pods that may call app; none means all.
func callersOf(app App) (peers []networkPeer) {
	for _, caller := range app.Callers {
		peers = append(peers, peerOf(caller))
	}
	return peers
}

// peerOf returns the pods of a caller.
func peerOf(caller string) networkPeer {
	named := func(label, name string) *selector {
		if name == "*" {
			return new(selector)
		}
		return &selector{MatchLabels: map[string]string{label: name}}
	}
	namespace, app, found := strings.Cut(caller, "/")
	switch {
	case !found:
		return networkPeer{PodSelector: named("app", namespace)}
	case app == "*":
		return networkPeer{NamespaceSelector: named(namespaceLabel, namespace)}
	default:
		return networkPeer{
			NamespaceSelector: named(namespaceLabel, namespace), PodSelector: named("app", app),
		}
	}
}

// callers checks that the callers of the parameter reach the ports of the app, and that others do
// not.
func (d *differ) callers(have, want *yaml.Node) {
	rule := elements(field(want, "spec", "ingress"))[0]
	names := []string{portName, webPortName}
	for i, port := range elements(field(rule, "ports")) {
		d.callersOfPort(have, rule, value(field(port, "port")), names[i])
	}
}

// callersOfPort does so for one port. rule is the rule that admits the callers.
func (d *differ) callersOfPort(have, rule *yaml.Node, port, name string) {
	wanted := elements(field(rule, "from"))
	if len(wanted) == 0 {
		return
	}
	admitted := make(map[string]bool)
	for _, rule := range elements(field(have, "spec", "ingress")) {
		if !opens(rule, port, name) {
			continue
		}
		peers := elements(field(rule, "from"))
		if len(peers) == 0 {
			d.add(rule, "the rule admits all pods to port %s; add a from with the callers of the "+
				"parameter callers, or remove the parameter", port)
			return
		}
		for _, peer := range peers {
			admitted[callerOf(peer)] = true
		}
	}
	for _, peer := range wanted {
		if caller := callerOf(peer); !admitted[caller] {
			d.add(cmp.Or(field(have, "spec", "ingress"), have), "no rule of ingress admits the caller "+
				"%s to port %s; add one, or remove it from the parameter callers", caller, port)
		}
	}
}

// callerOf returns the caller that a peer of a NetworkPolicy admits, as in the parameter.
func callerOf(peer *yaml.Node) string {
	namespaces, pods := field(peer, "namespaceSelector"), field(peer, "podSelector")
	namespace := cmp.Or(value(field(namespaces, "matchLabels", namespaceLabel)), "*")
	app := cmp.Or(value(field(pods, "matchLabels", "app")), "*")
	if namespaces == nil {
		return app
	}
	return namespace + "/" + app
}

// opens reports whether a rule of ingress admits connections to a port, by number or name, or to
// all ports.
func opens(rule *yaml.Node, port, name string) bool {
	ports := elements(field(rule, "ports"))
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p *yaml.Node) bool {
		own := value(field(p, "port"))
		return own == port || own == name
	})
}
