package conform_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	networkingv1alpha3 "istio.io/api/networking/v1alpha3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// gatewayApps are apps with routes of the Gateway API: those of the other tests, some of them behind
// a Gateway, and one with more methods than a route can have.
func gatewayApps() map[string]deploy.App {
	all := apps()
	for name, app := range apps() {
		app.Gateway = "ingress/public"
		all["outside "+name] = app
	}
	listener := apps()["shop"]
	listener.Gateway = "ingress/public/grpc"
	listener.Hostnames = []string{"api.example.com", "*.example.com", "on", "1e3"}
	all["listener"] = listener
	for _, name := range []string{"web", "web with tls", "names"} {
		web := apps()[name]
		web.WebPort, web.Gateway = 8081, "ingress/public"
		web.Hostnames, web.WebHostnames = []string{"api.example.com"}, []string{"shop.example.com", "*.shop.example.com"}
		all["public "+name] = web
	}
	large := apps()["shop"]
	large.Gateway = "ingress/public"
	many := deploy.Service{FullName: "shop.v1.ManyService"}
	for i := range 300 {
		many.Methods = append(many.Methods, deploy.Method{
			Name: fmt.Sprintf("Get%d", i), Policy: policy.Policy{Timeout: time.Duration(1+i%3) * time.Second},
		})
	}
	large.Services = append(large.Services, many)
	large.WebPort, large.Hostnames, large.WebHostnames = 8081, []string{"a.example.com"}, []string{"b.example.com"}
	all["large"] = large
	return all
}

// forEachGateway runs a test on the routes of each app.
func forEachGateway(t *testing.T, test func(t *testing.T, app deploy.App, files map[string][]byte)) {
	for name, app := range gatewayApps() {
		t.Run(name, func(t *testing.T) {
			files, err := deploy.Files(app)
			if err != nil {
				t.Fatal(err)
			}
			test(t, app, files)
		})
	}
}

const (
	meshRoutes    = "gateway/grpcroute-mesh.yaml"
	ingressRoutes = "gateway/grpcroute-ingress.yaml"
	webRoutes     = "gateway/httproute-ingress.yaml"
)

// documents splits a file into one per object.
func documents(files map[string][]byte, path string) []map[string][]byte {
	var docs []map[string][]byte
	for doc := range bytes.SplitSeq(files[path], []byte("---\n")) {
		if text, err := yaml.YAMLToJSON(doc); err == nil && string(text) != "null" {
			docs = append(docs, map[string][]byte{path: doc})
		}
	}
	return docs
}

// routesOf returns the GRPCRoutes of a file.
func routesOf(t *testing.T, files map[string][]byte, path string) (routes []gatewayv1.GRPCRoute) {
	t.Helper()
	for _, doc := range documents(files, path) {
		route := decode[gatewayv1.GRPCRoute](t, doc, path)
		if route.APIVersion != "gateway.networking.k8s.io/v1" || route.Kind != "GRPCRoute" {
			t.Errorf("%s is a %s %s", path, route.APIVersion, route.Kind)
		}
		routes = append(routes, route)
	}
	return routes
}

// TestGatewayTypes checks that the manifests decode into the types of the Gateway API and agree with
// those of Kubernetes: parents and backends exist, and each backend has the pods of one version.
func TestGatewayTypes(t *testing.T) {
	forEachGateway(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		backends := make(map[string]corev1.Service)
		for _, doc := range documents(files, "gateway/service-versions.yaml") {
			s := decode[corev1.Service](t, doc, "gateway/service-versions.yaml")
			isA(t, s.TypeMeta, "v1", "Service", s.Name)
			backends[s.Name] = s
		}
		names := make(map[string]bool)
		for _, path := range []string{meshRoutes, ingressRoutes} {
			for _, route := range routesOf(t, files, path) {
				if faults := validation.IsDNS1123Label(route.Name); names[route.Name] || len(faults) > 0 {
					t.Errorf("a route is called %q, or there are two of them: %q", route.Name, faults)
				}
				names[route.Name] = true
				checkParent(t, app, path, route)
				checkLimits(t, route)
				for _, rule := range route.Spec.Rules {
					if b := rule.BackendRefs; len(b) != 1 || backends[string(b[0].Name)].Name == "" ||
						int(*b[0].Port) != app.Port {
						t.Errorf("route %s goes to %+v", route.Name, b)
					}
				}
			}
		}
		checkWebRoutes(t, app, files, backends, names)
		if (files[meshRoutes] != nil) != (app.TLSSecret == "") {
			t.Errorf("there are routes of a mesh, or none: %t", files[meshRoutes] != nil)
		}
		checkBackends(t, app, files, backends)
	})
}

// checkWebRoutes checks the routes of HTTP: that exactly the methods of the protos can be called, in
// the version of the header, on the web port, and under other host names than those of gRPC.
func checkWebRoutes(
	t *testing.T, app deploy.App, files map[string][]byte, backends map[string]corev1.Service, names map[string]bool,
) {
	t.Helper()
	reached := make(map[string]string) // the Service by path, or by path and version
	for _, doc := range documents(files, webRoutes) {
		route := decode[gatewayv1.HTTPRoute](t, doc, webRoutes)
		if faults := validation.IsDNS1123Label(route.Name); names[route.Name] || len(faults) > 0 {
			t.Errorf("a route is called %q, or there are two of them: %q", route.Name, faults)
		}
		names[route.Name] = true
		if len(route.Spec.Hostnames) != len(app.WebHostnames) || len(route.Spec.ParentRefs) != 1 ||
			*route.Spec.ParentRefs[0].Kind != "Gateway" || len(route.Spec.Rules) > 16 {
			t.Errorf("route %s is %+v", route.Name, route.Spec)
		}
		for _, host := range route.Spec.Hostnames {
			if slices.Contains(app.Hostnames, string(host)) {
				t.Errorf("route %s has the host name %s of gRPC", route.Name, host)
			}
		}
		for _, rule := range route.Spec.Rules {
			b := rule.BackendRefs
			if len(b) != 1 || backends[string(b[0].Name)].Name == "" || int(*b[0].Port) != app.WebPort || len(rule.Matches) > 8 {
				t.Errorf("route %s goes to %+v", route.Name, b)
			}
			for _, m := range rule.Matches {
				key := *m.Path.Value
				for _, h := range m.Headers {
					key += " " + string(h.Name) + "=" + h.Value
				}
				if *m.Path.Type != gatewayv1.PathMatchExact || reached[key] != "" {
					t.Errorf("route %s matches %s", route.Name, key)
				}
				reached[key] = string(b[0].Name)
			}
		}
	}
	want := make(map[string]string)
	for _, s := range app.Services {
		for _, m := range s.Methods {
			if len(app.WebHostnames) > 0 {
				path := "/" + s.FullName + "/" + m.Name
				want[path] = app.Name + "-" + app.Version
				want[path+" version="+next(app.Version)] = app.Name + "-" + next(app.Version)
			}
		}
	}
	if !maps.Equal(reached, want) {
		t.Errorf("HTTP reaches %v, want %v", reached, want)
	}
}

// checkParent checks what a route is attached to.
func checkParent(t *testing.T, app deploy.App, path string, route gatewayv1.GRPCRoute) {
	t.Helper()
	if len(route.Spec.ParentRefs) != 1 {
		t.Fatalf("route %s has the parents %+v", route.Name, route.Spec.ParentRefs)
	}
	p := route.Spec.ParentRefs[0]
	if path == meshRoutes {
		if *p.Group != "" || *p.Kind != "Service" || p.Namespace != nil || string(p.Name) != app.Name ||
			int(*p.Port) != app.Port || p.SectionName != nil || route.Spec.Hostnames != nil {
			t.Errorf("route %s has the parent %+v", route.Name, p)
		}
		return
	}
	gateway := string(*p.Namespace) + "/" + string(p.Name)
	if p.SectionName != nil {
		gateway += "/" + string(*p.SectionName)
	}
	if *p.Group != "gateway.networking.k8s.io" || *p.Kind != "Gateway" || gateway != app.Gateway || p.Port != nil ||
		len(route.Spec.Hostnames) != len(app.Hostnames) || len(route.Annotations) != 0 {
		t.Errorf("route %s has the parent %+v", route.Name, p)
	}
}

// checkLimits checks the limits of GRPCRoutes in Gateway API 1.1, which are the lowest. Later
// versions limit the matches of a route to 128.
func checkLimits(t *testing.T, route gatewayv1.GRPCRoute) {
	t.Helper()
	total := 0
	for _, rule := range route.Spec.Rules {
		total += len(rule.Matches)
		if len(rule.Matches) > 8 {
			t.Errorf("a rule of %s has %d matches", route.Name, len(rule.Matches))
		}
	}
	if n := len(route.Spec.Rules); n == 0 || n > 16 || total > 128 {
		t.Errorf("route %s has %d rules with %d matches", route.Name, n, total)
	}
}

// checkBackends checks the Services of the versions: the first has the pods of the Deployment, the
// other has none of them.
func checkBackends(t *testing.T, app deploy.App, files map[string][]byte, backends map[string]corev1.Service) {
	t.Helper()
	if len(backends) == 0 {
		return
	}
	pod := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml").Spec.Template
	deployed := backends[app.Name+"-"+app.Version]
	selects(t, "the deployed version", &metav1.LabelSelector{MatchLabels: deployed.Spec.Selector}, pod.Labels)
	protocol := "kubernetes.io/h2c"
	if app.TLSSecret != "" {
		protocol = ""
	}
	for name, s := range backends {
		if name != deployed.Name && s.Spec.Selector["version"] == app.Version {
			t.Errorf("%s has the pods of %s", name, app.Version)
		}
		port := s.Spec.Ports[0]
		got := ""
		if port.AppProtocol != nil {
			got = *port.AppProtocol
		}
		if int(port.Port) != app.Port || port.TargetPort.StrVal != pod.Spec.Containers[0].Ports[0].Name || got != protocol {
			t.Errorf("%s has the port %+v", name, port)
		}
		checkWebPort(t, app, name, s.Spec.Ports[1:], protocol)
	}
	if len(backends) != 2 {
		t.Errorf("there are %d Services", len(backends))
	}
	checkBackendTLS(t, app, files, backends)
}

// checkBackendTLS checks that a Gateway uses TLS to pods that serve it.
func checkBackendTLS(t *testing.T, app deploy.App, files map[string][]byte, backends map[string]corev1.Service) {
	t.Helper()
	const path = "gateway/backendtlspolicy.yaml"
	if app.TLSSecret == "" {
		if files[path] != nil {
			t.Errorf("there is %s", path)
		}
		return
	}
	p := decode[gatewayv1.BackendTLSPolicy](t, files, path)
	for _, ref := range p.Spec.TargetRefs {
		if ref.Group != "" || ref.Kind != "Service" || backends[string(ref.Name)].Name == "" {
			t.Errorf("the policy is for %+v", ref)
		}
	}
	if len(p.Spec.TargetRefs) != len(backends) || string(p.Spec.Validation.Hostname) != app.Name {
		t.Errorf("the policy is %+v", p.Spec)
	}
}

// TestGatewaySchemas checks the manifests as the API server of a cluster with the Gateway API does.
func TestGatewaySchemas(t *testing.T) {
	schemas := gatewaySchemas(t)
	forEachGateway(t, func(t *testing.T, _ deploy.App, files map[string][]byte) {
		for _, path := range []string{meshRoutes, ingressRoutes, webRoutes, "gateway/backendtlspolicy.yaml"} {
			for _, doc := range documents(files, path) {
				object := decode[map[string]any](t, doc, path)
				for _, fault := range schemas[object["kind"].(string)](t, object) {
					t.Errorf("%s: %s", path, fault)
				}
			}
		}
	})
}

// TestGatewaySchemasJudge checks that the schemas detect errors.
func TestGatewaySchemasJudge(t *testing.T) {
	judge := gatewaySchemas(t)["GRPCRoute"]
	for text, want := range map[string]string{
		"timeouts: {request: 1s}":                       "unknown field",
		"backendRefs: [{name: x}]":                      "Must have port for Service reference",
		"matches: [{method: {service: a/b}}]":           "service must only contain valid characters",
		"matches: [{headers: [{name: a b, value: x}]}]": "should match",
	} {
		object := decode[map[string]any](t, map[string][]byte{"": []byte("{apiVersion: gateway.networking.k8s.io/v1, " +
			"kind: GRPCRoute, metadata: {name: x}, spec: {rules: [{" + text + "}]}}")}, "")
		if faults := judge(t, object); !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%s: %q, want %q", text, faults, want)
		}
	}
}

// gatewaySchemas returns the validators of the kinds, built from the definitions in the module.
func gatewaySchemas(t *testing.T) map[string]func(*testing.T, map[string]any) []string {
	t.Helper()
	judges := make(map[string]func(*testing.T, map[string]any) []string)
	for _, name := range []string{"grpcroutes", "httproutes", "backendtlspolicies"} {
		text, err := os.ReadFile(filepath.Join(moduleDir(t, "sigs.k8s.io/gateway-api"), "config", "crd", "standard",
			"gateway.networking.k8s.io_"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(judges, schemasOf(t, text))
	}
	return judges
}

// routed returns the route and rule to which a Gateway API implementation sends a call, by the
// precedence in the documentation of GRPCRouteRule: the longest service and method, then the most
// headers.
func routed(routes []gatewayv1.GRPCRoute, service, method, version string) (*gatewayv1.GRPCRoute, gatewayv1.GRPCRouteRule) {
	type candidate struct {
		route    *gatewayv1.GRPCRoute
		rule     gatewayv1.GRPCRouteRule
		weight   int
		position int
	}
	var found []candidate
	for i, route := range routes {
		for j, rule := range route.Spec.Rules {
			matches := rule.Matches
			if len(matches) == 0 {
				matches = []gatewayv1.GRPCRouteMatch{{}}
			}
			for _, m := range matches {
				weight := 0
				if m.Method != nil {
					if *m.Method.Service != service || *m.Method.Method != method {
						continue
					}
					weight += 10 * (len(service) + len(method))
				}
				if !slices.ContainsFunc(m.Headers, func(h gatewayv1.GRPCHeaderMatch) bool {
					return h.Name != "version" || h.Value != version
				}) {
					found = append(found, candidate{&routes[i], rule, weight + len(m.Headers), -100*i - j})
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, gatewayv1.GRPCRouteRule{}
	}
	best := slices.MaxFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.position, b.position))
	})
	return best.route, best.rule
}

// TestGatewayRoutesAreIstios checks that each call of a mesh has the version, the timeout and the
// retries that Istio would apply to it.
func TestGatewayRoutesAreIstios(t *testing.T) {
	forEachGateway(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		if app.TLSSecret != "" {
			return
		}
		var v networkingv1alpha3.VirtualService
		spec(t, files, "istio/virtualservice.yaml", "VirtualService", &v)
		routes := routesOf(t, files, meshRoutes)
		services := append(app.Services, deploy.Service{
			FullName: "grpc.health.v1.Health", Methods: []deploy.Method{{Name: "Check"}, {Name: "Watch"}},
		})
		for _, s := range services {
			for _, m := range s.Methods {
				for _, version := range []string{"", app.Version, next(app.Version), "v0"} {
					istio := istioRoute(&v, "/"+s.FullName+"/"+m.Name, version)
					route, rule := routed(routes, s.FullName, m.Name, version)
					if route == nil {
						t.Fatalf("no route matches %s.%s", s.FullName, m.Name)
					}
					want := app.Name + "-" + istio.Route[0].Destination.Subset
					if got := string(rule.BackendRefs[0].Name); got != want {
						t.Errorf("%s.%s %s goes to %s, want %s", s.FullName, m.Name, version, got, want)
					}
					l := linkerdPolicy(t, route.Annotations)
					if l.request != istio.Timeout.AsDuration() || l.limit != int(istio.Retries.Attempts) ||
						l.conditions != istio.Retries.RetryOn {
						t.Errorf("%s.%s has %+v, and in Istio %v, %v", s.FullName, m.Name, l, istio.Timeout, istio.Retries)
					}
				}
			}
		}
	})
}

// istioRoute returns the first route of a VirtualService that matches a call.
func istioRoute(v *networkingv1alpha3.VirtualService, path, version string) *networkingv1alpha3.HTTPRoute {
	for _, route := range v.Http {
		if len(route.Match) == 0 {
			return route
		}
		m := route.Match[0]
		if strings.HasPrefix(route.Name, "web.") { // of another port
			continue
		}
		header, selected := m.Headers["version"]
		if (m.Uri == nil || m.Uri.GetExact() == path) && (!selected || header.GetExact() == version) {
			return route
		}
	}
	return nil
}

// next returns the version after another.
func next(version string) string {
	n, _ := strconv.Atoi(version[1:])
	return fmt.Sprintf("v%d", n+1)
}

// TestIngressRoutes checks that exactly the methods of the protos can be called from outside.
func TestIngressRoutes(t *testing.T) {
	forEachGateway(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		routes := routesOf(t, files, ingressRoutes)
		if app.Gateway == "" && len(routes) > 0 {
			t.Fatalf("there are %d routes", len(routes))
		}
		for _, s := range app.Services {
			for _, m := range s.Methods {
				for version, want := range map[string]string{"": app.Version, "v0": app.Version, next(app.Version): next(app.Version)} {
					route, rule := routed(routes, s.FullName, m.Name, version)
					if app.Gateway == "" {
						continue
					}
					if route == nil || string(rule.BackendRefs[0].Name) != app.Name+"-"+want {
						t.Errorf("%s.%s %s goes to %+v", s.FullName, m.Name, version, rule.BackendRefs)
					}
				}
			}
			if route, _ := routed(routes, s.FullName, "Others", ""); route != nil {
				t.Errorf("%s matches other methods of %s", route.Name, s.FullName)
			}
		}
		if route, _ := routed(routes, "grpc.health.v1.Health", "Check", ""); route != nil {
			t.Errorf("%s matches health", route.Name)
		}
	})
}

// linkerd is what Linkerd reads from the annotations of a route.
type linkerd struct {
	request, idle time.Duration
	conditions    string
	limit         int
}

// linkerdPolicy parses annotations as Linkerd's policy controller does (parse_timeouts,
// parse_grpc_retry and parse_duration). An invalid value would make it ignore the route.
func linkerdPolicy(t *testing.T, annotations map[string]string) (l linkerd) {
	t.Helper()
	for key, text := range annotations {
		var err error
		switch key {
		case "timeout.linkerd.io/request":
			l.request, err = linkerdDuration(text)
		case "timeout.linkerd.io/idle":
			l.idle, err = linkerdDuration(text)
		case "retry.linkerd.io/grpc":
			l.conditions = text
			for condition := range strings.SplitSeq(text, ",") {
				if !slices.Contains([]string{"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}, condition) {
					t.Errorf("Linkerd cannot retry %q", condition)
				}
			}
		case "retry.linkerd.io/limit":
			var limit uint64
			limit, err = strconv.ParseUint(text, 10, 16)
			l.limit = int(limit)
		default:
			t.Errorf("Linkerd has no annotation %s for a GRPCRoute", key)
		}
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if (l.conditions == "") != (l.limit == 0) { // Linkerd would take 0 for 1
		t.Errorf("%d retries of %q", l.limit, l.conditions)
	}
	return l
}

// linkerdDuration parses a whole number and one unit.
func linkerdDuration(text string) (time.Duration, error) {
	units := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	last := strings.LastIndexAny(text, "0123456789")
	n, err := strconv.ParseUint(text[:last+1], 10, 63)
	unit, found := units[text[last+1:]]
	if err != nil || !found || n == 0 {
		return 0, fmt.Errorf("%q is no timeout of Linkerd", text)
	}
	return time.Duration(n) * unit, nil
}

// TestLinkerdDurations checks that the parser of the tests accepts what Linkerd does.
func TestLinkerdDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1500ms": 1500 * time.Millisecond, "2h": 2 * time.Hour, "1d": 24 * time.Hour,
		"1.5s": 0, "10": 0, "1h30m": 0, "-1s": 0, "": 0, "s": 0, "1us": 0,
	} {
		if got, err := linkerdDuration(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

// TestLinkerdIdle checks that streams have the idle timeout of their policy, and unary calls none.
func TestLinkerdIdle(t *testing.T) {
	app := apps()["shop"]
	app.Services = []deploy.Service{{FullName: "shop.v1.EventService", Methods: []deploy.Method{
		{Name: "Watch", Stream: true, Policy: policy.Policy{IdleTimeout: 1500 * time.Microsecond}},
		{Name: "Endless", Stream: true, Policy: policy.Policy{IdleTimeout: policy.None, TotalTimeout: time.Hour}},
		{Name: "Get", Policy: policy.Policy{IdleTimeout: time.Minute, Timeout: time.Second}},
	}}}
	files, err := deploy.Files(app)
	if err != nil {
		t.Fatal(err)
	}
	routes := routesOf(t, files, meshRoutes)
	for method, want := range map[string]linkerd{
		"Watch": {idle: 2 * time.Millisecond}, "Endless": {request: time.Hour}, "Get": {request: time.Second},
	} {
		route, _ := routed(routes, "shop.v1.EventService", method, "")
		if got := linkerdPolicy(t, route.Annotations); got != want {
			t.Errorf("%s has %+v, want %+v", method, got, want)
		}
	}
}
