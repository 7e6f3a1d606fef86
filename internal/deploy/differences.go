package deploy

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Differences compares a file that a user owns with what [Files] returns for app at its path. It
// compares only what follows from the protos, the runtime and a few parameters: routes, timeouts,
// retries and balancing of a mesh, the service config of clients, permissions to follow
// EndpointSlices, what rules record, the service of the readiness probe, the ports of the admin page
// and of HTTP, the callers of a NetworkPolicy, and whether the grace period covers the times that the file itself
// sets. Everything else is the user's decision. A file that is not valid YAML or JSON gets a separate
// warning.
func Differences(app App, path string, have, want []byte) diag.List {
	compare, ok := comparisons[path]
	if !ok {
		return nil
	}
	d := differ{path: path}
	d.balancing, _ = Balancing(app.Services)
	mine, err := load(have)
	theirs, err2 := load(want)
	if err := cmp.Or(err, err2); err != nil {
		d.found.Warnf(diag.At(path), "it cannot be compared with the policies: %v; correct it", err)
		return d.found
	}
	compare(&d, mine, theirs)
	return d.found.Sorted()
}

// comparisons compare the documents of the files.
var comparisons = map[string]func(d *differ, have, want []*yaml.Node){
	deploymentFile:      single((*differ).deployment),
	virtualServiceFile:  single((*differ).virtualService),
	destinationRuleFile: single((*differ).destinationRule),
	meshRouteFile:       (*differ).meshRoutes,
	ingressRouteFile:    (*differ).ingressRoutes,
	webRouteFile:        (*differ).webRoutes,
	serviceConfigFile:   single((*differ).serviceConfig),
	networkPolicyFile:   single((*differ).networkPolicy),
	rbacFile:            (*differ).rbac,
	ruleFile:            single((*differ).rules),
}

// single returns a comparison for a file of which the plugin writes a single object.
func single(compare func(d *differ, have, want *yaml.Node)) func(d *differ, have, want []*yaml.Node) {
	return func(d *differ, have, want []*yaml.Node) {
		compare(d, counterpart(have, want[0]), want[0])
	}
}

// load parses the documents of a file; a file without documents yields one empty mapping.
func load(text []byte) (docs []*yaml.Node, err error) {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for {
		var doc yaml.Node
		if err := loader.Load(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if len(doc.Content) > 0 {
			docs = append(docs, doc.Content[0])
		}
	}
	if len(docs) == 0 {
		docs = append(docs, &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1})
	}
	return docs, nil
}

// counterpart returns the document to compare with want, because users put several objects in a
// file. It is the first document of the same kind and name, else the first of the same kind, else
// the first one.
func counterpart(docs []*yaml.Node, want *yaml.Node) *yaml.Node {
	for _, path := range [][]string{{"metadata", "name"}, {"kind"}} {
		for _, doc := range docs {
			if value(field(doc, "kind")) == value(field(want, "kind")) && value(field(doc, path...)) == value(field(want, path...)) {
				return doc
			}
		}
	}
	return docs[0]
}

// differ collects differences.
type differ struct {
	path      string
	balancing policy.Balancing // as the services state it
	found     diag.List
}

func (d *differ) add(at *yaml.Node, format string, args ...any) {
	d.found.Warnf(diag.Position{Path: d.path, Line: at.Line, Column: at.Column}, format, args...)
}

// virtualService compares routes of the same name.
func (d *differ) virtualService(have, want *yaml.Node) {
	at := cmp.Or(field(have, "spec", "http"), have)
	mine := named(field(have, "spec", "http"), nameOf)
	wanted := named(field(want, "spec", "http"), nameOf)
	for _, name := range wanted.names {
		route, ok := mine.nodes[name]
		if !ok {
			d.add(at, "it has no route %s, which the policies require; add it", name)
			continue
		}
		d.fields(route, wanted.nodes[name], "route "+name, []string{"timeout"}, []string{"retries", "attempts"}, []string{"retries", "retryOn"}, []string{"retries", "backoff"})
	}
	for _, name := range mine.names {
		if _, ok := wanted.nodes[name]; !ok && isMethodRoute(mine.nodes[name]) {
			d.add(mine.nodes[name], "route %s: its method no longer exists, or has no policy for a mesh; remove it", name)
		}
	}
}

// destinationRule compares the parts of the balancing that the services state. The others are the
// user's decision.
func (d *differ) destinationRule(have, want *yaml.Node) {
	mine, wanted := field(have, "spec", "trafficPolicy"), field(want, "spec", "trafficPolicy")
	at := cmp.Or(mine, have)
	if _, ok := istioBalancers[d.balancing.Policy]; ok {
		d.fields(at, wanted, "trafficPolicy", []string{"loadBalancer", "simple"})
	}
	if d.balancing.SameZone {
		d.fields(at, wanted, "trafficPolicy", []string{"loadBalancer", "localityLbSetting", "enabled"})
		if field(mine, "outlierDetection") == nil {
			d.add(at, "trafficPolicy: outlierDetection is unset; without it, localityLbSetting has no effect, "+
				"and calls do not stay in the zone of their caller")
		}
	}
}

// balancers compares the parts of the balancing that the services state: the balancers in the order
// of their preference, and the connections.
func (d *differ) balancers(have, want *yaml.Node) {
	mine, wanted := balancersIn(have), balancersIn(want)
	if d.balancing.Policy != policy.BalancingUnset && mine != wanted {
		d.add(cmp.Or(field(have, "loadBalancingConfig"), have), "loadBalancingConfig is %s; the policy has %s",
			cmp.Or(mine, "unset"), wanted)
	}
	if d.balancing.Connections > 0 {
		d.fields(have, want, "the file", []string{"connectionScaling", "maxConnectionsPerSubchannel"})
	}
}

// balancersIn returns the names of the balancers of a service config.
func balancersIn(config *yaml.Node) string {
	var names []string
	if list := field(config, "loadBalancingConfig"); list != nil {
		for _, entry := range list.Content {
			if entry = resolve(entry); entry.Kind == yaml.MappingNode && len(entry.Content) > 0 {
				names = append(names, entry.Content[0].Value)
			}
		}
	}
	return strings.Join(names, ", ")
}

// isMethodRoute reports whether the name and path of a route show that it was generated for a
// method.
func isMethodRoute(route *yaml.Node) bool {
	match := field(route, "match")
	if match == nil || len(match.Content) == 0 {
		return false
	}
	method := value(field(match.Content[0], "uri", "exact"))
	return method != "" && strings.HasPrefix(nameOf(route), methodOf(method)+".v")
}

// serviceConfig compares the balancing, and the configurations of the same method.
func (d *differ) serviceConfig(have, want *yaml.Node) {
	d.balancers(have, want)
	at := cmp.Or(field(have, "methodConfig"), have)
	mine := named(field(have, "methodConfig"), configName)
	wanted := named(field(want, "methodConfig"), configName)
	for _, name := range wanted.names {
		config, ok := mine.nodes[name]
		if !ok {
			d.add(at, "it has no methodConfig for %s, which has a policy; add it", name)
			continue
		}
		d.fields(config, wanted.nodes[name], name, []string{"timeout"},
			[]string{"retryPolicy", "maxAttempts"}, []string{"retryPolicy", "initialBackoff"}, []string{"retryPolicy", "maxBackoff"},
			[]string{"retryPolicy", "backoffMultiplier"}, []string{"retryPolicy", "retryableStatusCodes"},
			[]string{"hedgingPolicy", "maxAttempts"}, []string{"hedgingPolicy", "hedgingDelay"}, []string{"hedgingPolicy", "nonFatalStatusCodes"})
	}
	for _, name := range mine.names {
		if _, ok := wanted.nodes[name]; !ok {
			d.add(mine.nodes[name], "%s: the method no longer exists, or has no policy for clients; remove its methodConfig", name)
		}
	}
}

// configName returns the method that a methodConfig applies to.
func configName(config *yaml.Node) string {
	names := field(config, "name")
	if names == nil || len(names.Content) == 0 || value(field(names.Content[0], "method")) == "" {
		return ""
	}
	return value(field(names.Content[0], "service")) + "." + value(field(names.Content[0], "method"))
}

// deployment compares the service of the readiness probe, and checks that the grace period covers
// the drain delay and the shutdown timeout.
func (d *differ) deployment(have, want *yaml.Node) {
	pod := field(have, "spec", "template", "spec")
	if pod == nil {
		d.add(have, "it has no spec.template.spec; add it")
		return
	}
	containerOf := func(pod *yaml.Node) *yaml.Node {
		return named(field(pod, "containers"), nameOf).nodes[containerName]
	}
	server := containerOf(pod)
	if server == nil {
		d.add(pod, "it has no container %q; add it", containerName)
		return
	}
	d.fields(server, containerOf(field(want, "spec", "template", "spec")), "container "+containerName, []string{"readinessProbe", "grpc", "service"})
	d.token(pod, field(want, "spec", "template", "spec"))
	d.adminPort(server, containerOf(field(want, "spec", "template", "spec")))
	d.webPort(server, containerOf(field(want, "spec", "template", "spec")))
	env := named(field(server, "env"), nameOf)
	delay, errDelay := time.ParseDuration(value(field(env.nodes[envDrainDelay], "value")))
	timeout, errTimeout := time.ParseDuration(value(field(env.nodes[envShutdownTimeout], "value")))
	if errDelay != nil || errTimeout != nil {
		return // the user sets it in another way
	}
	period := field(pod, "terminationGracePeriodSeconds")
	seconds := 30 // Kubernetes' default
	if period != nil && period.Decode(&seconds) != nil {
		d.add(period, "terminationGracePeriodSeconds: %q is not a number of seconds; correct it", value(period))
		return
	}
	if need := gracePeriod(App{DrainDelay: delay, ShutdownTimeout: timeout}); int64(seconds) < need {
		d.add(cmp.Or(period, pod), "terminationGracePeriodSeconds is %d; with %s %v and %s %v, set it to %d, or the pod is killed while it drains",
			seconds, envDrainDelay, delay, envShutdownTimeout, timeout, need)
	}
}

// fields reports the fields of have that differ from those of want.
func (d *differ) fields(have, want *yaml.Node, subject string, paths ...[]string) {
	for _, path := range paths {
		mine, theirs := field(have, path...), field(want, path...)
		if sameValue(value(mine), value(theirs)) {
			continue
		}
		at, name := mine, strings.Join(path, ".")
		if at == nil {
			at = have
		}
		switch {
		case value(mine) == "":
			d.add(at, "%s: %s is unset; the policy has %s", subject, name, value(theirs))
		case value(theirs) == "":
			d.add(at, "%s: %s is %s; the policy has none", subject, name, value(mine))
		default:
			d.add(at, "%s: %s is %s; the policy has %s", subject, name, value(mine), value(theirs))
		}
	}
}

// sameValue reports whether two values are the same text, or the same duration: "1m" and "60s".
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return errX == nil && errY == nil && x == y
}
