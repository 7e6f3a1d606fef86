package deploy

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// adminPort checks that a container has the port that the PodMonitor scrapes.
func (d *differ) adminPort(have, want *yaml.Node) {
	wanted := named(field(want, "ports"), nameOf).nodes[adminPortName]
	if wanted == nil || named(field(have, "ports"), nameOf).nodes[adminPortName] != nil {
		return
	}
	port := value(field(wanted, "containerPort"))
	d.add(cmp.Or(field(have, "ports"), have), "container %s has no port %q, which the PodMonitor scrapes; add it with containerPort %s and the variable %s=:%s, "+
		"or leave out the part monitoring with deploy_parts", containerName, adminPortName, port, envAdminAddr, port)
}

// networkPolicy checks who reaches the app and its admin page.
func (d *differ) networkPolicy(have, want *yaml.Node) {
	d.callers(have, want)
	d.adminIngress(have, want)
}

// adminIngress checks that Prometheus reaches the admin page: that a rule admits its port, by
// number or name, or all ports.
func (d *differ) adminIngress(have, want *yaml.Node) {
	rules := elements(field(want, "spec", "ingress"))
	if len(rules) < 2 {
		return // there is no admin page
	}
	port := value(field(elements(field(rules[1], "ports"))[0], "port"))
	for _, rule := range elements(field(have, "spec", "ingress")) {
		if opens(rule, port, adminPortName) {
			return
		}
	}
	d.add(cmp.Or(field(have, "spec", "ingress"), have), "no rule of ingress admits Prometheus to port %s of the admin page; add one", port)
}

// elements returns the elements of a list.
func elements(list *yaml.Node) []*yaml.Node {
	if list = resolve(list); list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	return list.Content
}

// rules compares what rules record, which follows from the services and the timeouts. Alerts are the
// user's own.
func (d *differ) rules(have, want *yaml.Node) {
	mine, wanted := recordedBy(have), recordedBy(want)
	for _, name := range wanted.names {
		rule, ok := mine.nodes[name]
		expr := value(field(wanted.nodes[name], "expr"))
		switch {
		case !ok:
			d.add(cmp.Or(field(have, "spec", "groups"), have), "nothing records %s, which alerts and the dashboard need; add it with expr: %s", name, oneLine(expr))
		case oneLine(value(field(rule, "expr"))) != oneLine(expr):
			d.add(cmp.Or(field(rule, "expr"), rule), "record %s does not follow the services and their timeouts; set expr: %s", name, oneLine(expr))
		}
	}
}

// recordedBy returns the rules of all groups that record a series, by name and labels.
func recordedBy(doc *yaml.Node) namedNodes {
	all := &yaml.Node{Kind: yaml.SequenceNode}
	for _, group := range elements(field(doc, "spec", "groups")) {
		all.Content = append(all.Content, elements(field(group, "rules"))...)
	}
	return named(all, func(rule *yaml.Node) string {
		name := value(field(rule, "record"))
		for _, label := range []string{"quantile", "threshold"} {
			if v := value(field(rule, "labels", label)); v != "" && name != "" {
				name += "{" + label + "=" + v + "}"
			}
		}
		return name
	})
}

// oneLine returns an expression without line breaks.
func oneLine(expr string) string { return strings.Join(strings.Fields(expr), " ") }
