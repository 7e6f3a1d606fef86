package deploy

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
	Simple string `yaml:"simple"`
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

// destinationRuleOf returns the DestinationRule that configures how proxies connect to the pods of
// app.
func destinationRuleOf(app App) manifest {
	of := func(version string) subset { return subset{version, map[string]string{"version": version}} }
	return manifest{
		file: "istio/destinationrule.yaml",
		head: "How proxies call the pods of " + app.Name + ", and the versions that the VirtualService chooses from.",
		object: destinationRule{ofApp(app, istioVersion, "DestinationRule"), destinationRuleSpec{
			Host: app.Name,
			TrafficPolicy: trafficPolicy{
				LoadBalancer:   loadBalancer{"LEAST_REQUEST"},
				ConnectionPool: connectionPool{tcpPool{"3s"}, httpPool{"UPGRADE", 1000}},
				OutlierDetection: outlierDetection{
					ConsecutiveGatewayErrors: 5, Interval: "10s", BaseEjectionTime: "30s", MaxEjectionPercent: 50,
				},
			},
			Subsets: []subset{of(app.Version), of(nextVersion(app))},
		}},
		notes: notes{
			"spec.trafficPolicy.connectionPool.http.http2MaxRequests": "The calls and streams that one proxy has open at a time. maxRequestsPerConnection is unset: proxies balance calls, so new connections would only add cost.",
			"spec.trafficPolicy.outlierDetection":                     "A pod that returns UNAVAILABLE or DEADLINE_EXCEEDED five times in a row receives no calls for a while. INTERNAL, as of a method with a bug, does not count.",
			"spec.subsets[1]":                                         "Calls go to this version only if they request it. Without pods it returns UNAVAILABLE.",
		},
	}
}
