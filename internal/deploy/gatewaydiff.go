package deploy

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// methodRoutes are the GRPCRoutes of a file by the methods that their rules match, as in
// "library.v1.BookService.GetBook".
type methodRoutes struct {
	methods []string // in order
	routes  map[string][]matchingRoute
}

// matchingRoute is a GRPCRoute with the first of its matches that names a method.
type matchingRoute struct {
	doc, match *yaml.Node
}

// routesOf returns the GRPCRoutes of a file.
func routesOf(docs []*yaml.Node) methodRoutes {
	r := methodRoutes{routes: make(map[string][]matchingRoute)}
	for _, doc := range docs {
		if value(field(doc, "kind")) != "GRPCRoute" {
			continue
		}
		for _, rule := range elements(field(doc, "spec", "rules")) {
			for _, match := range elements(field(rule, "matches")) {
				r.add(doc, match)
			}
		}
	}
	return r
}

// add adds a match of a GRPCRoute, unless it names no method, or one of an earlier match.
func (r *methodRoutes) add(doc, match *yaml.Node) {
	service := value(field(match, "method", "service"))
	method := value(field(match, "method", "method"))
	if service == "" || method == "" {
		return
	}
	name := service + "." + method
	routes := r.routes[name]
	if len(routes) == 0 {
		r.methods = append(r.methods, name)
	} else if routes[len(routes)-1].doc == doc {
		return
	}
	r.routes[name] = append(routes, matchingRoute{doc, match})
}

// meshRoutes compares the annotations that apply to each method.
func (d *differ) meshRoutes(have, want []*yaml.Node) {
	mine, wanted := routesOf(have), routesOf(want)
	for _, method := range wanted.methods {
		policy := wanted.routes[method][0].doc
		routes := mine.routes[method]
		if len(routes) == 0 {
			d.add(have[0], "no GRPCRoute matches %s, which has a policy for a mesh; add one with the "+
				"annotations %s", method, annotationsOf(policy))
		}
		for _, route := range routes {
			d.annotations(method, route, policy)
		}
	}
	for _, method := range mine.methods {
		if len(wanted.routes[method]) > 0 {
			continue
		}
		for _, route := range mine.routes[method] {
			if has := annotationsOf(route.doc); has != "" {
				d.add(route.match, "%s: GRPCRoute %s sets %s, but the method no longer exists, or has "+
					"no policy for a mesh; remove it from the matches", method, routeName(route.doc), has)
			}
		}
	}
}

// annotations compares the annotations of Linkerd of a method's route with those that its policy
// requires.
func (d *differ) annotations(method string, route matchingRoute, policy *yaml.Node) {
	for _, key := range linkerdKeys {
		mine := field(route.doc, "metadata", "annotations", key)
		has, wants := value(mine), value(field(policy, "metadata", "annotations", key))
		if sameValue(has, wants) {
			continue
		}
		at := mine
		if at == nil {
			at = route.match
		}
		where := method + ": GRPCRoute " + routeName(route.doc)
		switch {
		case has == "":
			d.add(at, "%s has no annotation %s; the policy has %s", where, key, wants)
		case wants == "":
			d.add(at, "%s sets %s to %s; the policy has none", where, key, has)
		default:
			d.add(at, "%s sets %s to %s; the policy has %s", where, key, has, wants)
		}
	}
}

// ingressRoutes reports methods that no longer exist. Which of the others can be called from
// outside is the user's decision.
func (d *differ) ingressRoutes(have, want []*yaml.Node) {
	mine, wanted := routesOf(have), routesOf(want)
	services := make(map[string]bool)
	for _, method := range wanted.methods {
		services[serviceOfMethod(method)] = true
	}
	for _, method := range mine.methods {
		if len(wanted.routes[method]) == 0 && services[serviceOfMethod(method)] {
			route := mine.routes[method][0]
			d.add(route.match, "%s: the method no longer exists; remove it from the matches of GRPCRoute %s",
				method, routeName(route.doc))
		}
	}
}

// routeName returns the name of a GRPCRoute.
func routeName(doc *yaml.Node) string { return value(field(doc, "metadata", "name")) }

// annotationsOf returns the annotations of Linkerd of a GRPCRoute, as in "KEY: VALUE, KEY: VALUE".
func annotationsOf(doc *yaml.Node) string {
	var set []string
	for _, key := range linkerdKeys {
		if text := value(field(doc, "metadata", "annotations", key)); text != "" {
			set = append(set, key+": "+text)
		}
	}
	return strings.Join(set, ", ")
}

// serviceOfMethod returns the service of a method.
func serviceOfMethod(method string) string { return method[:strings.LastIndexByte(method, '.')] }
