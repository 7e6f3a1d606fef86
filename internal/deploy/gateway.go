package deploy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// gateway returns the manifests of the Gateway API: routes of a mesh that implements it, and those
// of the Gateway that a parameter names. A program that serves TLS itself has no routes of a mesh,
// because a proxy cannot read its calls.
func gateway(app App) []manifest {
	names := make(routeNames)
	var manifests []manifest
	if !app.tls() {
		manifests = append(manifests, meshRoutesOf(app, names)...)
	}
	if app.Gateway != "" && app.hasMethods() {
		manifests = append(manifests, ingressRoutesOf(app, names)...)
		if app.publicWeb() {
			manifests = append(manifests, webRoutesOf(app, names)...)
		}
		if app.tls() {
			manifests = append(manifests, backendTLSPolicyOf(app))
		}
	}
	if len(manifests) == 0 {
		return nil
	}
	manifests = append(manifests, versionServicesOf(app)...)
	var files []string
	for _, m := range manifests {
		files = append(files, strings.TrimPrefix(m.file, "gateway/"))
	}
	slices.Sort(files)
	return append(manifests, manifest{
		file:   "gateway/kustomization.yaml",
		head:   gatewayHead(app),
		object: kustomizationOf(slices.Compact(files)...),
	})
}

// hasMethods reports whether a service of app has a method.
func (a App) hasMethods() bool {
	return slices.ContainsFunc(a.Services, func(s Service) bool { return len(s.Methods) > 0 })
}

// gatewayHead returns the comment above the kustomization.
func gatewayHead(app App) string {
	head := "kubectl apply -k " + app.Dir + "/gateway\n" +
		"It requires the CRDs of Gateway API 1.1 or later."
	if app.tls() {
		return strings.Replace(head, "1.1", "1.4", 1)
	}
	return head + " In Istio, apply istio/ and leave out grpcroute-mesh.yaml, " +
		"because two sources of routes for one Service contradict each other."
}

// meshRoutesOf returns the routes of calls inside a mesh. The annotations of a GRPCRoute apply to
// all of its rules, so each has the methods of one service with the same timeouts and retries.
func meshRoutesOf(app App, names routeNames) []manifest {
	service := []parentRef{{Kind: "Service", Name: app.Name, Port: app.Port}}
	manifests := []manifest{{file: meshRouteFile, head: meshRoutesHead(app)}}
	for _, s := range app.Services {
		for _, group := range policyGroups(s) {
			for methods := range slices.Chunk(group.methods, methodsPerRoute) {
				first := methods[0]
				route := routeOf(app, names.next(app.Name, first.Service, first.Method), service)
				route.Metadata.Annotations = group.rule.annotations
				route.Spec.Rules = versionRules(app, methods)
				manifests = append(manifests, manifest{
					file: meshRouteFile, head: group.rule.note, object: route,
				})
			}
		}
	}
	others := routeOf(app, names.next(app.Name, "default"), service)
	others.Spec.Rules = versionRules(app, nil)
	return append(manifests, manifest{
		file: meshRouteFile,
		head: "All other calls. Without this route they would match none, and Linkerd would " +
			"reject them.",
		object: others,
	})
}

// meshRoutesHead returns the comment above the routes of a mesh.
func meshRoutesHead(app App) string {
	return "How calls to " + app.Name + " are routed in a mesh that implements the Gateway API " +
		"for Services, such as Linkerd. A caller that sends \"version: " + nextVersion(app) + "\" in " +
		"its metadata gets that version, all others get " + app.Version + ".\n" +
		"GRPCRoute itself has neither timeouts nor retries. Linkerd 2.16 and later takes them from " +
		"the annotations, which follow the policies of the protos; other meshes ignore these. A " +
		"timeout limits a call whatever deadline its caller set. Linkerd retries at once, without " +
		"backoff, and only requests of at most 64 KiB. If both proxies and clients retry, the " +
		"attempts multiply; let only one of them retry."
}

// policyGroup has the methods of a service with the same rule.
type policyGroup struct {
	rule    linkerdRule
	methods []grpcMethod
}

// policyGroups returns the groups of a service in the order of their first methods, without the
// methods that a mesh applies no policy to.
func policyGroups(s Service) (groups []policyGroup) {
	index := make(map[string]int)
	for _, m := range s.Methods {
		rule := linkerdRuleOf(m)
		if rule.empty() {
			continue
		}
		i, found := index[rule.key()]
		if !found {
			i = len(groups)
			index[rule.key()] = i
			groups = append(groups, policyGroup{rule: rule})
		}
		groups[i].methods = append(groups[i].methods, grpcMethod{s.FullName, m.Name})
	}
	return groups
}

// ingressRoutesOf returns the routes of calls that come through the Gateway, one for each service.
func ingressRoutesOf(app App, names routeNames) []manifest {
	manifests := []manifest{{file: ingressRouteFile, head: ingressRoutesHead(app)}}
	for _, s := range app.Services {
		var all []grpcMethod
		for _, method := range s.Methods {
			all = append(all, grpcMethod{s.FullName, method.Name})
		}
		for methods := range slices.Chunk(all, methodsPerRoute) {
			words := []string{app.Name, "ingress", s.FullName}
			if methods[0] != all[0] {
				words = append(words, methods[0].Method)
			}
			route := routeOf(app, names.next(words...), []parentRef{app.gatewayRef()})
			route.Spec.Hostnames = app.Hostnames
			route.Spec.Rules = versionRules(app, methods)
			manifests = append(manifests, manifest{file: ingressRouteFile, object: route})
		}
	}
	return manifests
}

// ingressRoutesHead returns the comment above the routes of a Gateway.
func ingressRoutesHead(app App) string {
	hosts := ""
	if len(app.Hostnames) == 0 {
		hosts = " Without hostnames, the routes have those of its listeners."
	}
	return "Which calls the Gateway " + app.Gateway + " forwards to " + app.Name + ". Its listeners " +
		"must allow routes of this namespace." + hosts + "\n" +
		"Only the listed methods can be called from outside: not health, not reflection, and no " +
		"method that is added to the protos later. Delete those that only the cluster may call. " +
		"Callers from outside can also select " + nextVersion(app) + "; delete the rules with " +
		"headers to prevent that.\n" +
		"GRPCRoute has neither timeouts nor retries: the server enforces its own timeouts, and " +
		"clients retry."
}

// routeOf returns a GRPCRoute without rules.
func routeOf(app App, name string, parents []parentRef) grpcRoute {
	route := grpcRoute{object: ofApp(app, gatewayVersion, "GRPCRoute")}
	route.Metadata.Name = name
	route.Spec.ParentRefs = parents
	return route
}

// gatewayRef returns the reference to the Gateway of the parameter, or to one of its listeners.
func (a App) gatewayRef() parentRef {
	elements := append(strings.Split(a.Gateway, "/"), "")
	return parentRef{
		Group: gatewayGroup, Kind: "Gateway",
		Namespace: elements[0], Name: elements[1], SectionName: elements[2],
	}
}

// versionServicesOf returns the Services of the versions, since a route refers to Services and not
// to labels.
func versionServicesOf(app App) []manifest {
	const file = "gateway/service-versions.yaml"
	of := func(version string) service {
		versioned := app
		versioned.Version = version
		return service{
			ofRelease(versioned, "v1", "Service"),
			serviceSpec{Selector: podLabels(versioned), Ports: backendPorts(app)},
		}
	}
	head := "The pods of each version. Only routes use these Services, because a GRPCRoute refers " +
		"to Services and not to labels of pods. Callers use the Service " + app.Name + "."
	if !app.tls() {
		head += "\nThe appProtocol is the one that the Gateway API defines for HTTP/2 in plain " +
			"text. Some gateways would use HTTP/1.1 without it."
	}
	next := "Calls go to this version only if they request it. Without pods it returns UNAVAILABLE."
	return []manifest{
		{file: file, head: head},
		{file: file, object: of(app.Version)},
		{file: file, head: next, object: of(nextVersion(app))},
	}
}

// backendPorts returns the ports of a Service of routes. With TLS, the BackendTLSPolicy determines
// the protocol.
func backendPorts(app App) []servicePort {
	ports := servicePorts(app)
	for i := range ports {
		ports[i].AppProtocol = "kubernetes.io/h2c"
		if app.tls() {
			ports[i].AppProtocol = ""
		}
	}
	return ports
}

var (
	gatewayPattern  = lazyregexp.New(`^` + dnsLabel + `/` + dnsSubdomain + `(/` + dnsSubdomain + `)?$`)
	hostnamePattern = lazyregexp.New(`^(\*\.)?` + dnsSubdomain + `$`)
)

// dnsSubdomain matches labels separated by dots.
const dnsSubdomain = dnsLabel + `(\.` + dnsLabel + `)*`

// maxHostnames is the limit of a GRPCRoute.
const maxHostnames = 16

// gateway reports a Gateway and hostnames that no GRPCRoute can have.
func (f *faults) gateway(app App) {
	if app.Gateway != "" && !gatewayPattern.MatchString(app.Gateway) {
		f.add(`gateway: %q is not a Gateway; want "namespace/name" or "namespace/name/listener"`,
			app.Gateway)
	}
	if len(app.Hostnames) == 0 {
		return
	}
	if app.Gateway == "" {
		f.add("hostnames: only routes of a Gateway have them; set gateway as well")
	}
	f.hostnames("hostnames", app.Hostnames)
}

// hostnames reports host names of a parameter that no route can have.
func (f *faults) hostnames(parameter string, names []string) {
	if len(names) > maxHostnames {
		f.add("%s: there are %d; a route has at most %d", parameter, len(names), maxHostnames)
	}
	for i, name := range names {
		_, err := netip.ParseAddr(name)
		switch {
		case err == nil || !hostnamePattern.MatchString(name) || len(name) > 253:
			f.add(`%s: %q is not a host name; want one such as "api.example.com" or `+
				`"*.example.com"`, parameter, name)
		case slices.Contains(names[:i], name):
			f.add("%s: %q is there twice; remove one of them", parameter, name)
		}
	}
}
