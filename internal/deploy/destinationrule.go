package deploy

import (
	"fmt"
	"maps"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// destinationRule is an Istio DestinationRule.
type destinationRule struct {
	object `yaml:",inline"`
	Spec   destinationRuleSpec `yaml:"spec"`
}

type destinationRuleSpec struct {
	Host          string        `yaml:"host"`
	TrafficPolicy trafficPolicy `yaml:"trafficPolicy"`
	Subsets       []subset      `yaml:"subsets"`
}

type trafficPolicy struct {
	LoadBalancer     loadBalancer     `yaml:"loadBalancer"`
	ConnectionPool   connectionPool   `yaml:"connectionPool"`
	OutlierDetection outlierDetection `yaml:"outlierDetection"`
}

type loadBalancer struct {
	Simple   string           `yaml:"simple"`
	Locality *localitySetting `yaml:"localityLbSetting,omitempty"`
}

type localitySetting struct {
	Enabled bool `yaml:"enabled"`
}

type connectionPool struct {
	TCP  tcpPool  `yaml:"tcp"`
	HTTP httpPool `yaml:"http"`
}

type tcpPool struct {
	ConnectTimeout string `yaml:"connectTimeout"`
}

type httpPool struct {
	H2UpgradePolicy  string `yaml:"h2UpgradePolicy"`
	HTTP2MaxRequests int    `yaml:"http2MaxRequests"`
}

type outlierDetection struct {
	ConsecutiveGatewayErrors int    `yaml:"consecutiveGatewayErrors"`
	Consecutive5xxErrors     int    `yaml:"consecutive5xxErrors"`
	Interval                 string `yaml:"interval"`
	BaseEjectionTime         string `yaml:"baseEjectionTime"`
	MaxEjectionPercent       int    `yaml:"maxEjectionPercent"`
}

type subset struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels"`
}

// maxCallsPerProxy is how many calls a proxy has open at a time: the runtime's DefaultMaxCallsPerPeer,
// since all calls of a proxy have its address.
const maxCallsPerProxy = 10_000

// destinationRuleOf returns the DestinationRule that configures how proxies connect to the pods of
// app.
func destinationRuleOf(app App) manifest {
	balancer, remarks := loadBalancerOf(app)
	maps.Copy(remarks, notes{
		"spec.trafficPolicy.connectionPool.http.http2MaxRequests": "The calls and streams that one proxy has open at " +
			"a time: as many as a pod accepts from one address, so that no proxy rejects what the pods would serve. " +
			"maxRequestsPerConnection is unset: proxies balance calls, so new connections would only add cost.",
		"spec.trafficPolicy.outlierDetection": "A pod that five times in a row returns UNAVAILABLE or " +
			"DEADLINE_EXCEEDED, or refuses a connection, receives no calls for 30s, and for longer each time. " +
			"INTERNAL, as of a method with a bug, does not count: all pods have the bug.",
		"spec.trafficPolicy.outlierDetection.maxEjectionPercent": "If all pods fail, as without their database, " +
			"ejecting most of them would overload the rest.",
		"spec.subsets": "Each version inherits the trafficPolicy, and its pods are counted and ejected apart from " +
			"those of the other.",
		"spec.subsets[1]": "Calls go to this version only if they request it. Without pods it returns UNAVAILABLE.",
	})
	of := func(version string) subset { return subset{version, map[string]string{"version": version}} }
	return manifest{
		file: destinationRuleFile,
		head: "How proxies call the pods of " + app.Name + ", and the versions that the VirtualService chooses from.",
		object: destinationRule{ofApp(app, istioVersion, "DestinationRule"), destinationRuleSpec{
			Host: app.Name,
			TrafficPolicy: trafficPolicy{
				LoadBalancer:   balancer,
				ConnectionPool: connectionPool{tcpPool{"3s"}, httpPool{"UPGRADE", maxCallsPerProxy}},
				OutlierDetection: outlierDetection{
					ConsecutiveGatewayErrors: 5, Interval: "10s", BaseEjectionTime: "30s", MaxEjectionPercent: 50,
				},
			},
			Subsets: []subset{of(app.Version), of(nextVersion(app))},
		}},
		notes: remarks,
	}
}

// istioBalancers are Istio's balancers for the policies that it has. LEAST_REQUEST is its default.
var istioBalancers = map[policy.BalancingPolicy]string{
	policy.RoundRobin:   "ROUND_ROBIN",
	policy.LeastRequest: "LEAST_REQUEST",
}

// loadBalancerOf returns how proxies distribute the calls of app, and notes on the parts of the
// policy that they cannot apply.
func loadBalancerOf(app App) (loadBalancer, notes) {
	b, _ := Balancing(app.Services)
	balancer, remarks := loadBalancer{Simple: "LEAST_REQUEST"}, make(notes)
	if simple, ok := istioBalancers[b.Policy]; ok {
		balancer.Simple = simple
	} else if b.Policy == policy.PickFirst {
		remarks["spec.trafficPolicy.loadBalancer"] = "Istio has no counterpart of POLICY_PICK_FIRST: its " +
			"proxies distribute the calls over all pods, whatever their clients do."
	}
	if b.SameZone {
		balancer.Locality = &localitySetting{Enabled: true}
		remarks["spec.trafficPolicy.loadBalancer.localityLbSetting"] = "Calls stay in the zone of their " +
			"caller while it has enough healthy pods, whatever the mesh sets. It has an effect only with " +
			"outlierDetection, which finds the pods that are not healthy."
	}
	if b.Connections > 1 {
		remarks["spec.trafficPolicy.connectionPool"] = fmt.Sprintf("balancing.connections, which is %d, has no "+
			"counterpart: a proxy opens another connection to a pod when the streams of one are used up.",
			b.Connections)
	}
	return balancer, remarks
}
