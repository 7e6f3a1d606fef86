package deploy

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// webPort checks that a container has the web port.
func (d *differ) webPort(have, want *yaml.Node) {
	wanted := named(field(want, "ports"), nameOf).nodes[webPortName]
	if wanted == nil || named(field(have, "ports"), nameOf).nodes[webPortName] != nil {
		return
	}
	port := value(field(wanted, "containerPort"))
	d.add(cmp.Or(field(have, "ports"), have), "container %s has no port %q of the parameter web_port; add it with "+
		"containerPort %s and the variable %s=:%s", containerName, webPortName, port, envWebAddr, port)
}

// webRoutes reports methods that no longer exist, as [differ.ingressRoutes] does.
func (d *differ) webRoutes(have, want []*yaml.Node) {
	wanted, services := make(map[string]bool), make(map[string]bool)
	forEachPath(want, func(method string, _, _ *yaml.Node) {
		wanted[method] = true
		services[serviceOfMethod(method)] = true
	})
	reported := make(map[string]bool)
	forEachPath(have, func(method string, doc, match *yaml.Node) {
		if !wanted[method] && services[serviceOfMethod(method)] && !reported[method] {
			reported[method] = true
			d.add(match, "%s: the method no longer exists; remove it from the matches of HTTPRoute %s",
				method, routeName(doc))
		}
	})
}

// forEachPath calls f for the matches of HTTPRoutes that are paths of methods, with their names.
func forEachPath(docs []*yaml.Node, f func(method string, doc, match *yaml.Node)) {
	for _, doc := range docs {
		if value(field(doc, "kind")) != "HTTPRoute" {
			continue
		}
		for _, rule := range elements(field(doc, "spec", "rules")) {
			for _, match := range elements(field(rule, "matches")) {
				path := value(field(match, "path", "value"))
				if strings.Count(path, "/") == 2 && value(field(match, "path", "type")) == "Exact" {
					f(methodOf(path), doc, match)
				}
			}
		}
	}
}
