package deploy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// TestOwnFilesDoNotDiffer checks that unchanged generated files have no differences.
func TestOwnFilesDoNotDiffer(t *testing.T) {
	for _, app := range []deploy.App{outside(), withWeb()} {
		for path, content := range filesOf(t, app) {
			if got := deploy.Differences(app, path, content, content); len(got) > 0 {
				t.Errorf("%s: %v", path, got)
			}
		}
	}
}

// webRoutes are routes of HTTP that a user has edited.
const webRoutes = `kind: HTTPRoute
metadata: {name: shop-web}
spec:
  rules:
  - matches:
    - path: {type: Exact, value: /shop.v1.UserService/GetUser}
    - path: {type: Exact, value: /shop.v1.UserService/GetUser}
      headers: [{name: version, value: v3}]
    - path: {type: Exact, value: /shop.v1.UserService/ListUsers}
    - path: {type: Exact, value: /other.v1.Service/Method}
    - path: {type: PathPrefix, value: /static/files}
`

// TestDifferences checks the warnings and their positions when a proto and a file that the user
// owns have diverged.
func TestDifferences(t *testing.T) {
	const mesh, config, deployment = "istio/virtualservice.yaml", "client/service-config.json", "kubernetes/deployment.yaml"
	const destination = "istio/destinationrule.yaml"
	const routes, ingress = "gateway/grpcroute-mesh.yaml", "gateway/grpcroute-ingress.yaml"
	const network, rules = "kubernetes/networkpolicy.yaml", "monitoring/prometheusrule.yaml"
	const web = "gateway/httproute-ingress.yaml"
	callers := func(a *deploy.App) { a.Callers = []string{"web/checkout", "jobs/*", "*/probe", "batch", "*"} }
	replace := func(old, new string) func(string) string {
		return func(text string) string {
			if !strings.Contains(text, old) {
				panic("nothing to replace: " + old)
			}
			return strings.Replace(text, old, new, 1)
		}
	}
	tests := map[string]struct {
		path   string
		proto  func(*deploy.App)   // a change to the protos after the file was generated
		edit   func(string) string // a change by the user
		want   []string
		beside string // the start of the line of the first difference
	}{
		"another timeout": {mesh, func(a *deploy.App) { a.Services[0].Methods[1].Policy.Timeout = 4 * time.Second }, nil, []string{
			"route shop.v1.UserService.ListUsers.v2: timeout is 1.5s; the policy has 4s",
			"route shop.v1.UserService.ListUsers.v1: timeout is 1.5s; the policy has 4s",
		}, "timeout: 1.5s"},
		"the timeout is edited": {mesh, nil, replace("timeout: 10s", "timeout: 20s"), []string{
			"route shop.v1.UserService.GetUser.v2: timeout is 20s; the policy has 10s"}, "timeout: 20s"},
		"behind another object": {mesh, nil, func(text string) string {
			return "kind: VirtualService\nmetadata: {name: other}\n---\n# nothing\n---\n" + strings.Replace(text, "timeout: 10s", "timeout: 20s", 1)
		}, []string{"route shop.v1.UserService.GetUser.v2: timeout is 20s; the policy has 10s"}, "timeout: 20s"},
		"the same time in other words": {mesh, nil, replace("timeout: 3600s", "timeout: 1h"), nil, ""},
		"the timeout is removed": {mesh, nil, replace("    timeout: 10s\n", ""), []string{
			"route shop.v1.UserService.GetUser.v2: timeout is unset; the policy has 10s"}, "- name: shop.v1.UserService.GetUser.v2"},
		"a retry where there was none": {mesh, func(a *deploy.App) { a.Services[0].Methods[1].Policy.Retry = a.Services[0].Methods[0].Policy.Retry },
			replace("ListUsers.v1", "ListUsers.mine"), []string{
				"it has no route shop.v1.UserService.ListUsers.v1, which the policies require; add it",
				"route shop.v1.UserService.ListUsers.v2: retries.retryOn is unset; the policy has resource-exhausted,unavailable",
				"route shop.v1.UserService.ListUsers.v2: retries.backoff is unset; the policy has 0.1s",
				"route shop.v1.UserService.ListUsers.v2: retries.attempts is 0; the policy has 2",
			}, "- name: shop.v1.UserService.GetUser.v2"},
		"a method is gone": {mesh, func(a *deploy.App) { a.Services[0].Methods = a.Services[0].Methods[1:] }, nil, []string{
			"route shop.v1.UserService.GetUser.v2: its method no longer exists, or has no policy for a mesh; remove it",
			"route shop.v1.UserService.GetUser.v1: its method no longer exists, or has no policy for a mesh; remove it",
		}, "- name: shop.v1.UserService.GetUser.v2"},
		"routes of the user's own": {mesh, nil, replace("  - name: default.v2\n", "  - name: canary\n    match:\n    - uri: {exact: /shop.v1.UserService/GetUser}\n    timeout: 1s\n  - name: default.v2\n"), nil, ""},
		"an empty file": {mesh, func(a *deploy.App) { a.Services = a.Services[:1]; a.Services[0].Methods = a.Services[0].Methods[1:2] }, func(string) string { return "" }, []string{
			"it has no route shop.v1.UserService.ListUsers.v2, which the policies require; add it",
			"it has no route shop.v1.UserService.ListUsers.v1, which the policies require; add it",
			"it has no route default.v2, which the policies require; add it",
			"it has no route default.v1, which the policies require; add it",
		}, ""},
		"a client's retry": {config, func(a *deploy.App) { a.Services[0].Methods[0].Policy.Retry.Codes = []string{"UNAVAILABLE"} }, nil, []string{
			"shop.v1.UserService.GetUser: retryPolicy.retryableStatusCodes is UNAVAILABLE,RESOURCE_EXHAUSTED,ABORTED; the policy has UNAVAILABLE"}, `"retryableStatusCodes"`},
		"a client's method": {config, func(a *deploy.App) { a.Services[0].Methods[1].Name = "FindUsers" }, nil, []string{
			"it has no methodConfig for shop.v1.UserService.FindUsers, which has a policy; add it",
			"shop.v1.UserService.ListUsers: the method no longer exists, or has no policy for clients; remove its methodConfig",
		}, `"methodConfig"`},
		"longer drain": {deployment, nil, replace("value: 5s", "value: 10s"), []string{"terminationGracePeriodSeconds is 28; with DRAIN_DELAY 10s and SHUTDOWN_TIMEOUT 20s, set it to 33, or the pod is killed while it drains"}, "terminationGracePeriodSeconds"},
		"longer grace": {deployment, nil, replace("Seconds: 28", "Seconds: 60"), nil, ""},
		"no grace": {deployment, nil, func(s string) string {
			return replace("value: 5s", "value: 8s")(replace("      terminationGracePeriodSeconds: 28\n", "")(s))
		}, []string{"terminationGracePeriodSeconds is 30; with DRAIN_DELAY 8s and SHUTDOWN_TIMEOUT 20s, set it to 31, or the pod is killed while it drains"}, ""},
		"resources":         {deployment, nil, replace("memory: 128Mi", "memory: 1Gi"), nil, ""},
		"one service less":  {deployment, func(a *deploy.App) { a.Services = a.Services[:1] }, nil, []string{"container server: readinessProbe.grpc.service is unset; the policy has shop.v1.UserService"}, "service: ''"},
		"another container": {deployment, nil, replace("name: server", "name: main"), []string{`it has no container "server"; add it`}, ""},
		"an alias":          {deployment, nil, replace("env:", "env: &env"), nil, ""},
		"no admin page": {deployment, nil, replace("        - name: admin\n          containerPort: 9090\n          protocol: TCP\n", ""), []string{
			`container server has no port "admin", which the PodMonitor scrapes; add it with containerPort 9090 and the variable ADMIN_ADDR=:9090, or leave out the part monitoring with deploy_parts`}, "- name: grpc"},
		"no port for HTTP": {deployment, func(a *deploy.App) { a.WebPort = 8081 }, nil, []string{
			`container server has no port "web" of the parameter web_port; add it with containerPort 8081 and the variable WEB_ADDR=:8081`}, "- name: grpc"},
		"HTTP for no caller": {network, func(a *deploy.App) { a.WebPort, a.Callers = 8081, []string{"batch"} },
			replace("  - ports:\n    - protocol: TCP\n      port: 8080\n", "  - from: [{podSelector: {matchLabels: {app: batch}}}]\n    ports: [{port: 8080}]\n"), []string{
				"no rule of ingress admits the caller batch to port 8081; add one, or remove it from the parameter callers"}, "- from:"},
		"no port for HTTP in a mesh": {mesh, func(a *deploy.App) { a.WebPort = 8081 }, nil, []string{
			"it has no route web.v2, which the policies require; add it",
			"it has no route web.v1, which the policies require; add it",
		}, "- name: shop.v1.UserService.GetUser.v2"},
		"an HTTP method is gone": {web, func(a *deploy.App) { a.Services[0].Methods = a.Services[0].Methods[1:] },
			func(string) string { return webRoutes },
			[]string{"shop.v1.UserService.GetUser: the method no longer exists; remove it from the matches of HTTPRoute shop-web"}, "- path: {type: Exact, value: /shop.v1.UserService/GetUser}"},
		"no admin page, and nobody scrapes": {deployment, func(a *deploy.App) { a.Monitoring = false },
			replace("        - name: admin\n          containerPort: 9090\n          protocol: TCP\n", ""), nil, ""},
		"Prometheus is not admitted": {network, nil, replace("port: 9090", "port: 9091"), []string{"no rule of ingress admits Prometheus to port 9090 of the admin page; add one"}, "- ports:"},
		"Prometheus by port name":    {network, nil, replace("port: 9090", "port: admin"), nil, ""},
		"all ports are open":         {network, nil, replace("  - ports:\n    - protocol: TCP\n      port: 8080\n", "  - {}\n"), nil, ""},
		"another timeout in a route": {routes, func(a *deploy.App) { a.Services[0].Methods[1].Policy.Timeout = 4 * time.Second }, nil, []string{
			"shop.v1.UserService.ListUsers: GRPCRoute shop-shop-v1-userservice-listusers sets timeout.linkerd.io/request to 1500ms; the policy has 4s",
		}, "timeout.linkerd.io/request: 1500ms"},
		"the same timeout in other words": {routes, nil, replace("request: 1500ms", "request: 1.5s"), nil, ""},
		"a retry that a route lacks": {routes, func(a *deploy.App) { a.Services[0].Methods[1].Policy.Retry = a.Services[0].Methods[0].Policy.Retry }, nil, []string{
			"shop.v1.UserService.ListUsers: GRPCRoute shop-shop-v1-userservice-listusers has no annotation retry.linkerd.io/grpc; the policy has resource-exhausted,unavailable",
			"shop.v1.UserService.ListUsers: GRPCRoute shop-shop-v1-userservice-listusers has no annotation retry.linkerd.io/limit; the policy has 2",
		}, "- method:"},
		"an idle timeout that the policy lacks": {routes, func(a *deploy.App) { a.Services[1].Methods[0].Policy.IdleTimeout = policy.None }, nil, []string{
			"shop.v1.EventService.WatchEvents: GRPCRoute shop-shop-v1-eventservice-watchevents sets timeout.linkerd.io/idle to 60s; the policy has none",
		}, "timeout.linkerd.io/idle: 60s"},
		"a method that no route matches": {routes, func(a *deploy.App) { a.Services[0].Methods[2].Policy.Timeout = time.Second }, nil, []string{
			"no GRPCRoute matches shop.v1.UserService.CreateUser, which has a policy for a mesh; add one with the annotations timeout.linkerd.io/request: 1s",
		}, ""},
		"a method without a policy in a route": {routes, func(a *deploy.App) { a.Services[0].Methods[1].Policy.Timeout = policy.None }, nil, []string{
			"shop.v1.UserService.ListUsers: GRPCRoute shop-shop-v1-userservice-listusers sets timeout.linkerd.io/request: 1500ms, but the method no longer exists, or has no policy for a mesh; remove it from the matches",
		}, "- method:"},
		"a method in a route of other methods": {routes, func(a *deploy.App) { a.Services[0].Methods[2].Policy.Timeout = 1500 * time.Millisecond },
			replace("        method: ListUsers\n    backendRefs", "        method: ListUsers\n    - method: {service: shop.v1.UserService, method: CreateUser}\n    backendRefs"), nil, ""},
		"a route of the user's own": {routes, nil, func(text string) string {
			return "kind: GRPCRoute\nspec: {rules: [{matches: [{method: {service: shop.v1.UserService, method: CreateUser}}, {method: {service: a.B}}]}]}\n---\n" + text
		}, nil, ""},
		"an empty file of routes": {routes, func(a *deploy.App) { a.Services = a.Services[:1]; a.Services[0].Methods = a.Services[0].Methods[1:2] }, func(string) string { return "" }, []string{
			"no GRPCRoute matches shop.v1.UserService.ListUsers, which has a policy for a mesh; add one with the annotations timeout.linkerd.io/request: 1500ms",
		}, ""},
		"a method that is gone outside": {ingress, func(a *deploy.App) { a.Services[0].Methods[2].Name = "MakeUser" }, nil, []string{
			"shop.v1.UserService.CreateUser: the method no longer exists; remove it from the matches of GRPCRoute shop-ingress-shop-v1-userservice",
		}, "- method:"},
		"methods that only the cluster calls": {ingress, nil, replace("    - method:\n        service: shop.v1.UserService\n        method: ListUsers\n    -", "    -"), nil, ""},
		"callers, and all are admitted": {network, callers, nil, []string{
			"the rule admits all pods to port 8080; add a from with the callers of the parameter callers, or remove the parameter"}, "- ports:"},
		"callers, and all ports are open": {network, callers, replace("  - ports:\n    - protocol: TCP\n      port: 8080\n", "  - {}\n"), []string{
			"the rule admits all pods to port 8080; add a from with the callers of the parameter callers, or remove the parameter"}, "- {}"},
		"callers, some of which are not admitted": {network, callers, replace("  - ports:\n    - protocol: TCP\n      port: 8080\n",
			"  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}, podSelector: {matchLabels: {app: checkout}}}]\n    ports: [{port: grpc}]\n"+
				"  - from: [{podSelector: {}}, {podSelector: {matchLabels: {app: mine}}}]\n    ports: [{port: 8080}]\n"), []string{
			"no rule of ingress admits the caller jobs/* to port 8080; add one, or remove it from the parameter callers",
			"no rule of ingress admits the caller */probe to port 8080; add one, or remove it from the parameter callers",
			"no rule of ingress admits the caller batch to port 8080; add one, or remove it from the parameter callers",
		}, "- from:"},
		"a longer timeout": {rules, func(a *deploy.App) { a.Services[0].Methods[0].Policy.Timeout = 3 * time.Second }, nil, []string{
			"nothing records grpc_method:grpc_server_handled_slow:rate5m{threshold=2.5}, which alerts and the dashboard need; add it with expr: " + slow("GetUser", "2.5"),
			`record grpc_method:grpc_server_timeout_seconds does not follow the services and their timeouts; set expr: 0 * grpc_method:grpc_server_handled:rate5m{job="shop",grpc_service="shop.v1.UserService",grpc_method="ListUsers"} + 1.5 or 0 * grpc_method:grpc_server_handled:rate5m{job="shop",grpc_service="shop.v1.UserService",grpc_method="GetUser"} + 3`,
			"record grpc_method:grpc_server_handled_slow:rate5m{threshold=1} does not follow the services and their timeouts; set expr: " + slow("ListUsers", "1"),
		}, "- name: shop.records"},
		"a balancing": {destination, balance, nil, []string{
			"trafficPolicy: loadBalancer.localityLbSetting.enabled is unset; the policy has true",
			"trafficPolicy: loadBalancer.simple is LEAST_REQUEST; the policy has ROUND_ROBIN",
		}, "loadBalancer:"},
		"a balancing without outlier detection": {destination, balance, func(s string) string {
			before, after, _ := strings.Cut(s, "    outlierDetection:\n")
			_, after, _ = strings.Cut(after, "  subsets:\n")
			return replace("simple: LEAST_REQUEST", "simple: ROUND_ROBIN\n      localityLbSetting: {enabled: true}")(before) +
				"  # The end of trafficPolicy.\n  subsets:\n" + after
		}, []string{"trafficPolicy: outlierDetection is unset; without it, localityLbSetting has no effect, " +
			"and calls do not stay in the zone of their caller"}, "loadBalancer:"},
		"pick first has no counterpart": {destination, func(a *deploy.App) {
			a.Services[0].Balancing.Policy = policy.PickFirst
		}, replace("simple: LEAST_REQUEST", "simple: RANDOM"), nil, ""},
		"a balancer of the user's own": {destination, nil, replace("simple: LEAST_REQUEST", "simple: RANDOM"), nil, ""},
		"a client's balancing": {config, balance, nil, []string{
			"the file: connectionScaling.maxConnectionsPerSubchannel is unset; the policy has 4",
		}, ""},
		"a client's balancer": {config, func(a *deploy.App) { a.Services[1].Balancing.Policy = policy.LeastRequest },
			func(s string) string { return strings.Replace(s, "round_robin", "pick_first", 1) }, []string{
				"loadBalancingConfig is pick_first; the policy has least_request_experimental, round_robin",
			}, `"loadBalancingConfig"`},
		"a client without a balancer": {config, func(a *deploy.App) { a.Services[1].Balancing.Policy = policy.PickFirst },
			func(s string) string { return strings.Replace(s, "loadBalancingConfig", "loadBalancing", 1) }, []string{
				"loadBalancingConfig is unset; the policy has pick_first",
			}, "{"},
		"a client's balancer of the user's own": {config, nil,
			func(s string) string { return strings.Replace(s, "round_robin", "pick_first", 1) }, nil, ""},
		"alerts of the user's own": {rules, nil, replace("> 14.4 * 0.001", "> 0.5"), nil, ""},
		"a file that is yours":     {"kubernetes/service.yaml", func(a *deploy.App) { a.Port = 9000 }, nil, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := outside()
			if tt.path == web {
				before = withWeb()
			}
			have := string(filesOf(t, before)[tt.path])
			if tt.edit != nil {
				have = tt.edit(have)
			}
			app := before
			if tt.proto != nil {
				tt.proto(&app)
			}
			found := deploy.Differences(app, tt.path, []byte(have), filesOf(t, app)[tt.path])
			var got []string
			for _, d := range found {
				got = append(got, d.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
			if tt.beside == "" {
				return
			}
			if line := strings.Split(have, "\n")[found[0].Line-1]; !strings.HasPrefix(strings.TrimSpace(line), tt.beside) {
				t.Errorf("%d:%d is %q", found[0].Line, found[0].Column, line)
			}
		})
	}
}

// TestDifferencesOfBrokenFiles checks that a file that is not YAML, or has the wrong structure,
// gets a warning and does not cause a panic.
func TestDifferencesOfBrokenFiles(t *testing.T) {
	for path, want := range filesOf(t, outside()) {
		for _, have := range []string{"", "[]", "null", "1", "spec: 1", "spec: {http: {}}", "spec: {http: [1, {name: [x]}]}", "methodConfig: [{name: 1}, 2]",
			"spec: {template: {spec: {containers: [{name: server, env: 3}], terminationGracePeriodSeconds: x}}}", "spec: {http: [{name: &a [*a]}, &b {name: x, retries: *b}]}",
			"kind: GRPCRoute\nspec: {rules: [1, {matches: [2, {method: 3}, {method: {service: a, method: b}}]}]}", "# nothing", "a: b: c", "{", "\x00", "a: &a [*a]"} {
			found := deploy.Differences(balanced(), path, []byte(have), want)
			if broken := have == "a: b: c" || have == "{" || have == "\x00"; broken && judged(path) && (len(found) != 1 || !strings.Contains(found[0].Text, "cannot be compared")) {
				t.Errorf("%s: %q is no YAML", path, have)
			}
		}
	}
}

// balance states a balancing of all that a mesh and clients have.
func balance(a *deploy.App) {
	a.Services[0].Balancing = policy.Balancing{Policy: policy.RoundRobin, Connections: 4}
	a.Services[1].Balancing.SameZone = true
}

// balanced is an app with a balancing.
func balanced() deploy.App {
	app := shop()
	balance(&app)
	return app
}

// slow is what records the calls of a method that take longer than a bound.
func slow(method, bound string) string {
	in := `job="shop",grpc_service="shop.v1.UserService",grpc_method="` + method + `"`
	le := `le="` + bound + `"`
	if !strings.Contains(bound, ".") {
		le = `le=~"` + bound + `|` + bound + `\\.0"`
	}
	sum := func(series string) string {
		return "sum by (namespace, job, grpc_service, grpc_method) (rate(grpc_server_handling_seconds" + series + "[5m]))"
	}
	native := sum("{" + in + "}")
	return "clamp_min(" + sum("_count{"+in+"}") + " - " + sum("_bucket{"+in+","+le+"}") + ", 0) or histogram_count(" + native +
		") * (1 - histogram_fraction(0, " + bound + ", " + native + "))"
}

func judged(path string) bool {
	return strings.HasPrefix(path, "gateway/grpcroute") || path == "kubernetes/networkpolicy.yaml" || path == "monitoring/prometheusrule.yaml" || path == "istio/virtualservice.yaml" || path == "istio/destinationrule.yaml" || path == "client/service-config.json" || path == "kubernetes/deployment.yaml"
}

// FuzzDifferences checks that no user file makes the plugin panic.
func FuzzDifferences(f *testing.F) {
	files, err := deploy.Files(outside())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{ // short ones, which the fuzzer minimizes faster
		"spec: {http: [{name: shop.v1.UserService.Get.v1, match: [{uri: {exact: /shop.v1.UserService/Get}}], timeout: 1s, retries: {attempts: 0}}]}",
		"spec: {template: {spec: {containers: [{name: server, env: [{name: DRAIN_DELAY, value: 5s}]}], terminationGracePeriodSeconds: 1}}}",
		`{"methodConfig": [{"name": [{"service": "a.B", "method": "C"}], "timeout": "1s"}]}`,
		"kind: GRPCRoute\nmetadata: {annotations: {timeout.linkerd.io/idle: 1s}}\nspec: {rules: [{matches: [{method: {service: a.B, method: C}}]}]}",
		"a: &a [*a]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, have string) {
		for path, want := range files {
			found := deploy.Differences(balanced(), path, []byte(have), want)
			for _, d := range found {
				if lines := strings.Count(have, "\n") + strings.Count(have, "\r") + 1; d.Line < 0 || d.Line > lines || d.Line == 0 && !strings.Contains(d.Text, "cannot be compared") {
					t.Errorf("%d:%d is not in a file of %d lines", d.Line, d.Column, lines)
				}
			}
		}
	})
}
