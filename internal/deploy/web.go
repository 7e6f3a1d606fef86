package deploy

import (
	"slices"
	"strings"
)

// webPortName is the name of the port for HTTP, and envWebAddr the environment variable with its
// address.
const (
	webPortName = "web"
	envWebAddr  = "WEB_ADDR"
)

// web reports whether the program serves HTTP on a second port.
func (a App) web() bool { return a.WebPort != 0 }

// webEnv returns the environment variables of the web port.
func webEnv(app App) []envVar {
	if !app.web() {
		return nil
	}
	return []envVar{{Name: envWebAddr, Value: ":" + numbers(app.WebPort)}}
}

// webNote is the comment above the address of the web port.
const webNote = "The address of runtime/web: Connect, gRPC-Web and gRPC over net/http. It has no probe: a " +
	"server that cannot serve it does not start, and the readiness of the services is that of both ports."

// webServicePort returns the port of a Service.
func webServicePort(app App) servicePort {
	protocol := "http"
	if app.tls() {
		protocol = "https"
	}
	return servicePort{webPortName, app.WebPort, webPortName, "TCP", protocol}
}

// publicWeb reports whether the Gateway has routes to the web port.
func (a App) publicWeb() bool { return a.web() && len(a.WebHostnames) > 0 }

// webRoute is a gateway.networking.k8s.io/v1 HTTPRoute.
type webRoute struct {
	object `yaml:",inline"`
	Spec   webRouteSpec `yaml:"spec"`
}

type webRouteSpec struct {
	ParentRefs []parentRef `yaml:"parentRefs"`
	Hostnames  []string    `yaml:"hostnames"`
	Rules      []webRule   `yaml:"rules"`
}

type webRule struct {
	Matches     []webMatch   `yaml:"matches"`
	BackendRefs []backendRef `yaml:"backendRefs"`
}

type webMatch struct {
	Path    pathMatch     `yaml:"path"`
	Headers []headerMatch `yaml:"headers,omitempty"`
}

type pathMatch struct {
	Type  string `yaml:"type"`
	Value string `yaml:"value"`
}

// webRoutesOf returns the routes of HTTP requests that come through the Gateway, one for each
// service. The limits of an HTTPRoute are those of a GRPCRoute.
func webRoutesOf(app App, names routeNames) []manifest {
	manifests := []manifest{{file: webRouteFile, head: webRoutesHead(app)}}
	for _, s := range app.Services {
		var all []string
		for _, method := range s.Methods {
			all = append(all, "/"+s.FullName+"/"+method.Name)
		}
		for paths := range slices.Chunk(all, methodsPerRoute) {
			words := []string{app.Name, "web", s.FullName}
			if paths[0] != all[0] {
				words = append(words, paths[0])
			}
			route := webRoute{object: ofApp(app, gatewayVersion, "HTTPRoute")}
			route.Metadata.Name = names.next(words...)
			route.Spec = webRouteSpec{[]parentRef{app.gatewayRef()}, app.WebHostnames, webRules(app, paths)}
			manifests = append(manifests, manifest{file: webRouteFile, object: route})
		}
	}
	return manifests
}

// webRoutesHead returns the comment above the routes.
func webRoutesHead(app App) string {
	return "Which HTTP requests the Gateway " + app.Gateway + " forwards to the web port of " + app.Name +
		": Connect, gRPC-Web, and the OPTIONS by which a browser asks. Its listeners must allow " +
		"routes of this namespace.\n" +
		"The host names must differ from those of grpcroute-ingress.yaml: a Gateway accepts only one " +
		"kind of route for a name. Only the listed methods can be called from outside. Add rules " +
		"for other paths that the program serves, such as pages."
}

// webRules returns the rules for paths, which correspond to those of [versionRules].
func webRules(app App, paths []string) (rules []webRule) {
	next := []headerMatch{{versionHeader, nextVersion(app)}}
	for chunk := range slices.Chunk(paths, maxMatches) {
		var selected, others []webMatch
		for _, path := range chunk {
			exact := pathMatch{"Exact", path}
			selected = append(selected, webMatch{exact, next})
			others = append(others, webMatch{exact, nil})
		}
		rules = append(rules,
			webRule{selected, webBackends(app, nextVersion(app))},
			webRule{others, webBackends(app, app.Version)})
	}
	return rules
}

// webBackends returns the web port of the Service of a version.
func webBackends(app App, version string) []backendRef {
	app.Version = version
	return []backendRef{{release(app), app.WebPort}}
}

// web reports a web port and host names that cannot be served.
func (f *faults) web(app App) {
	if app.web() && (app.WebPort < 1024 || app.WebPort > 65535) {
		f.add("web_port: %d is out of range; want 1024 to 65535, which need no root privileges", app.WebPort)
	}
	if app.web() && app.WebPort == app.Port {
		f.add("web_port: %d is the port of gRPC; choose another", app.WebPort)
	}
	if len(app.WebHostnames) == 0 {
		return
	}
	if !app.web() || app.Gateway == "" || len(app.Hostnames) == 0 {
		f.add("web_hostnames: only routes of a Gateway to the web port have them, and its routes of " +
			"gRPC need others; set web_port, gateway and hostnames as well")
	}
	f.hostnames("web_hostnames", app.WebHostnames)
	for _, name := range app.WebHostnames {
		for _, other := range app.Hostnames {
			if overlap(name, other) {
				f.add("web_hostnames: %q and %q of hostnames overlap; a Gateway accepts only one kind of "+
					"route for a name", name, other)
			}
		}
	}
}

// overlap reports whether there is a host name that both match.
func overlap(a, b string) bool {
	covers := func(wildcard, name string) bool {
		suffix, ok := strings.CutPrefix(wildcard, "*")
		return ok && strings.HasSuffix(strings.TrimPrefix(name, "*"), suffix)
	}
	return a == b || covers(a, b) || covers(b, a)
}
