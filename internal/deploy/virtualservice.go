package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// virtualService is an Istio VirtualService.
type virtualService struct {
	object `yaml:",inline"`
	Spec   virtualServiceSpec `yaml:"spec"`
}

type virtualServiceSpec struct {
	Hosts []string    `yaml:"hosts"`
	HTTP  []httpRoute `yaml:"http"`
}

type httpRoute struct {
	Name    string             `yaml:"name"`
	Match   []httpMatch        `yaml:"match,omitempty"`
	Route   []routeDestination `yaml:"route"`
	Timeout string             `yaml:"timeout,omitempty"`
	Retries httpRetry          `yaml:"retries"`
}

type httpMatch struct {
	Port    int                    `yaml:"port,omitempty"`
	URI     *stringMatch           `yaml:"uri,omitempty"`
	Headers map[string]stringMatch `yaml:"headers,omitempty"`
}

type stringMatch struct {
	Exact string `yaml:"exact"`
}

type routeDestination struct {
	Destination destination `yaml:"destination"`
}

type destination struct {
	Host   string        `yaml:"host"`
	Subset string        `yaml:"subset"`
	Port   *portSelector `yaml:"port,omitempty"`
}

type portSelector struct {
	Number int `yaml:"number"`
}

// httpRetry is never omitted: without it, Istio makes two more attempts for every call that fails
// with UNAVAILABLE or CANCELLED.
type httpRetry struct {
	Attempts int    `yaml:"attempts"`
	RetryOn  string `yaml:"retryOn,omitempty"`
	Backoff  string `yaml:"backoff,omitempty"`
}

// virtualServiceOf returns the routes to app. Each method whose policy affects a mesh has two
// routes, and so do all other methods together: one to the version that the caller selects, and one
// to the deployed version.
func virtualServiceOf(app App) manifest {
	v := virtualService{object: ofApp(app, istioVersion, "VirtualService"), Spec: virtualServiceSpec{Hosts: []string{app.Name}}}
	remarks := make(notes)
	add := func(name, path string, rule rule) {
		if rule.note != "" {
			remarks[fmt.Sprintf("spec.http[%d]", len(v.Spec.HTTP))] = rule.note
		}
		v.Spec.HTTP = append(v.Spec.HTTP, routeTo(app, name, path, nextVersion(app), rule), routeTo(app, name, path, "", rule))
	}
	if app.web() {
		remarks["spec.http[0]"] = "Calls of the web port, whose clients retry themselves. The routes below are those of gRPC."
		for _, version := range []string{nextVersion(app), ""} {
			v.Spec.HTTP = append(v.Spec.HTTP, onPort(app.WebPort, routeTo(app, "web", "", version, rule{})))
		}
	}
	for _, s := range app.Services {
		for _, m := range s.Methods {
			if rule := ruleOf(m); !rule.empty() {
				add(s.FullName+"."+m.Name, "/"+s.FullName+"/"+m.Name, rule)
			}
		}
	}
	remarks[fmt.Sprintf("spec.http[%d]", len(v.Spec.HTTP))] = "All other calls. Istio retries twice by default; the policies do not."
	add("default", "", rule{})
	if app.web() {
		for i := 2; i < len(v.Spec.HTTP); i++ {
			v.Spec.HTTP[i] = onPort(app.Port, v.Spec.HTTP[i])
		}
	}
	return manifest{
		file: virtualServiceFile,
		head: "How calls to " + app.Name + " are routed in the mesh, by the policies of the protos. A caller that sends \"version: " + nextVersion(app) + "\" in its metadata gets that version, all others get " + app.Version + ".\n" +
			"A timeout limits a call whatever deadline its caller set. If both proxies and clients retry, the attempts multiply; let only one of them retry.",
		object: v,
		notes:  remarks,
	}
}

// routeTo returns the route for calls that select version, or for calls that select none if version
// is empty; these go to the deployed version.
func routeTo(app App, name, path, version string, rule rule) httpRoute {
	r := httpRoute{Timeout: rule.timeout, Retries: rule.retries}
	var match httpMatch
	if path != "" {
		match.URI = &stringMatch{path}
	}
	if version != "" {
		match.Headers = map[string]stringMatch{versionHeader: {version}}
	} else {
		version = app.Version
	}
	if match.URI != nil || match.Headers != nil {
		r.Match = []httpMatch{match}
	}
	r.Name = name + "." + version
	r.Route = []routeDestination{{destination{Host: app.Name, Subset: version}}}
	return r
}

// onPort returns a route of calls of one of several ports.
func onPort(port int, r httpRoute) httpRoute {
	if len(r.Match) == 0 {
		r.Match = []httpMatch{{}}
	}
	for i := range r.Match {
		r.Match[i].Port = port
	}
	for i := range r.Route {
		r.Route[i].Destination.Port = &portSelector{port}
	}
	return r
}

// rule is the part of a method's policy that a mesh applies.
type rule struct {
	timeout string
	retries httpRetry
	note    string
}

// empty reports whether the method needs no separate route.
func (r rule) empty() bool { return r.timeout == "" && r.retries.Attempts == 0 && r.note == "" }

// ruleOf returns the rule for a method's policy. It matches the service config of clients that have
// no other source.
func ruleOf(m Method) rule {
	config := m.Policy.StandaloneConfig(policy.MethodName{}, m.Stream)
	var r rule
	if config.Timeout > 0 {
		r.timeout = istioDuration(time.Duration(config.Timeout))
	}
	if config.Retry != nil {
		r.retries, r.note = retryOf(m.Policy.Retry)
	}
	return r
}

// retryConditions maps the codes that Envoy can retry to Envoy's names.
var retryConditions = map[string]string{
	"CANCELLED":          "cancelled",
	"DEADLINE_EXCEEDED":  "deadline-exceeded",
	"INTERNAL":           "internal",
	"RESOURCE_EXHAUSTED": "resource-exhausted",
	"UNAVAILABLE":        "unavailable",
}

// retryOf returns the retries of a mesh, and a note on the part of the policy that it cannot apply.
// It sets no perTryTimeout, because a policy limits the call and not its attempts, and because
// Envoy does not retry attempts that it timed out itself for a gRPC code.
func retryOf(r policy.Retry) (httpRetry, string) {
	var conditions, missing []string
	for _, code := range r.Codes {
		if condition, ok := retryConditions[code]; ok {
			conditions = append(conditions, condition)
		} else {
			missing = append(missing, code)
		}
	}
	var note string
	if missing != nil {
		note = "Envoy cannot retry " + strings.Join(missing, ", ") + "; clients with client/service-config.json do."
	}
	if conditions == nil {
		return httpRetry{}, note
	}
	slices.Sort(conditions)
	return httpRetry{
		Attempts: r.MaxAttempts - 1, // without the first attempt
		RetryOn:  strings.Join(slices.Compact(conditions), ","),
		Backoff:  istioDuration(r.InitialBackoff),
	}, note
}
