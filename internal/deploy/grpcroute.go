package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// gatewayVersion is the API version of the routes. GRPCRoute has it since Gateway API 1.1.
const gatewayVersion = "gateway.networking.k8s.io/v1"

// gatewayGroup is the API group of Gateways.
const gatewayGroup = "gateway.networking.k8s.io"

// grpcRoute is a gateway.networking.k8s.io/v1 GRPCRoute.
type grpcRoute struct {
	object `yaml:",inline"`
	Spec   grpcRouteSpec `yaml:"spec"`
}

type grpcRouteSpec struct {
	ParentRefs []parentRef `yaml:"parentRefs"`
	Hostnames  []string    `yaml:"hostnames,omitempty"`
	Rules      []grpcRule  `yaml:"rules"`
}

// parentRef refers to what a route is attached to: a Gateway, or the Service that callers in a mesh
// use. The group of a Service is "".
type parentRef struct {
	Group       string `yaml:"group"`
	Kind        string `yaml:"kind"`
	Namespace   string `yaml:"namespace,omitempty"`
	Name        string `yaml:"name"`
	SectionName string `yaml:"sectionName,omitempty"`
	Port        int    `yaml:"port,omitempty"`
}

// grpcRule sends calls to a version. Without matches, it takes all calls.
type grpcRule struct {
	Matches     []grpcMatch  `yaml:"matches,omitempty"`
	BackendRefs []backendRef `yaml:"backendRefs"`
}

type grpcMatch struct {
	Method  *grpcMethod   `yaml:"method,omitempty"`
	Headers []headerMatch `yaml:"headers,omitempty"`
}

type grpcMethod struct {
	Service string `yaml:"service"`
	Method  string `yaml:"method"`
}

type headerMatch struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

type backendRef struct {
	Name string `yaml:"name"`
	Port int    `yaml:"port"`
}

// Limits of a GRPCRoute. Gateway API 1.1 has 8 matches per rule; later releases have 64, and 128
// per route, which 16 rules of 8 do not exceed.
const (
	maxRules   = 16
	maxMatches = 8
)

// methodsPerRoute is how many methods a GRPCRoute takes, since each is in two rules: that of the
// next version, and that of the deployed one.
const methodsPerRoute = maxRules / 2 * maxMatches

// versionRules returns the rules for methods: calls with the version header go to the next version,
// all others to the deployed one. Without methods, they apply to all calls.
func versionRules(app App, methods []grpcMethod) (rules []grpcRule) {
	next := []headerMatch{{versionHeader, nextVersion(app)}}
	if len(methods) == 0 {
		return []grpcRule{
			{[]grpcMatch{{Headers: next}}, backendsOf(app, nextVersion(app))},
			{nil, backendsOf(app, app.Version)},
		}
	}
	for chunk := range slices.Chunk(methods, maxMatches) {
		var selected, others []grpcMatch
		for _, m := range chunk {
			selected = append(selected, grpcMatch{&m, next})
			others = append(others, grpcMatch{&m, nil})
		}
		rules = append(rules,
			grpcRule{selected, backendsOf(app, nextVersion(app))},
			grpcRule{others, backendsOf(app, app.Version)})
	}
	return rules
}

// backendsOf returns the Service of a version.
func backendsOf(app App, version string) []backendRef {
	app.Version = version
	return []backendRef{{release(app), app.Port}}
}

// routeNames are the names of routes that are in use.
type routeNames map[string]bool

// maxRouteName is the longest name: controllers copy it into labels.
const maxRouteName = 63

// next returns the name for a route of an app: its words in lower case, joined by hyphens. A name
// that is too long or in use ends with a hash of the words.
func (n routeNames) next(words ...string) string {
	whole := strings.Join(words, "-")
	name := strings.Join(strings.FieldsFunc(strings.ToLower(whole), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	if len(name) > maxRouteName || n[name] {
		sum := sha256.Sum256([]byte(whole))
		hash := hex.EncodeToString(sum[:4])
		name = strings.TrimRight(name[:min(len(name), maxRouteName-1-len(hash))], "-") + "-" + hash
	}
	n[name] = true
	return name
}
