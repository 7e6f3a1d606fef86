// Package deploy generates the files for deploying a service: an image, manifests, alerts, a
// dashboard, and the service config of its clients. The manifests are for Kubernetes, Istio and
// Prometheus. Timeouts, retries, thresholds and shutdown times are derived from the policies of the
// protos and from the runtime's defaults, so the files match the behavior of the server. Encoders
// write all YAML and JSON.
package deploy

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// App is a program to deploy, with the services that it serves.
type App struct {
	// Name is the name of the program in a cluster, and the host name that its callers use: at most
	// 53 lower-case letters, digits and hyphens.
	Name string
	// Image is the image that the Deployment runs, as in "registry.example.com/shop:1.4.0".
	Image string
	// Dir is the directory of the files, relative to the root of the module: "deploy".
	Dir string
	// Module is the directory of the module, relative to the Docker build context: "services/shop",
	// or "" if the two are the same.
	Module string
	// Workspace reports whether a go.work selects the modules of the build.
	Workspace bool
	// GoWorkOff reports whether the build context contains a go.work that does not list the module.
	GoWorkOff bool
	// Command is the directory of the program's main package, relative to the root of its module:
	// "cmd/server".
	Command string
	// Port is the TCP port that the program listens on. It is at least 1024, because the program
	// does not run as root.
	Port int
	// WebPort is the TCP port for HTTP, which runtime/web serves; 0 if there is none.
	WebPort int
	// TLSSecret is the Secret with the certificate of a program that serves TLS itself; "" for plain
	// text, as in a mesh.
	TLSSecret string
	// Version is the label by which Istio's subsets distinguish releases: "v1", "v2" and so on.
	Version string
	// GoVersion is the version of Go that builds the program, in the form of an image tag: "1.25".
	GoVersion string
	// DrainDelay and ShutdownTimeout are the server options of the same names; 0 means none.
	DrainDelay, ShutdownTimeout time.Duration
	// Monitoring reports whether there are manifests for Prometheus and Grafana. The program then has
	// an admin page.
	Monitoring bool
	// SLO is the percentage of calls that succeed according to the service level objective of each
	// method, from 95 to 99.999.
	SLO float64
	// Callers are the pods that may call the program, as "namespace/app", "namespace/*", "*/app", or
	// "app" in the same namespace; empty means all pods of the cluster.
	Callers []string
	// EndpointSlices are the namespaces with services whose pods the program follows with package
	// runtime/endpointslice. Namespace is its own one, which permissions for that name, and "" without
	// EndpointSlices.
	EndpointSlices []string
	Namespace      string
	// Gateway is the Gateway through which calls from outside the cluster come, as "namespace/name", or
	// "namespace/name/listener"; "" if there is none.
	Gateway string
	// Hostnames are the host names of these calls; empty means those of the Gateway's listeners.
	Hostnames []string
	// WebHostnames are the host names of HTTP requests through the Gateway; empty means that it has no
	// routes to the web port.
	WebHostnames []string
	// Services are the services of the program, in the order of the manifests.
	Services []Service
}

// Service is one service of an [App].
type Service struct {
	FullName  string // as in "library.v1.BookService"
	Methods   []Method
	Balancing policy.Balancing
}

// Method is one RPC of a [Service].
type Method struct {
	Name   string
	Stream bool // whether the client or the server streams
	Policy policy.Policy
}

// Defaults of an [App]; the durations are those of the runtime's server.
const (
	DefaultDir             = "deploy"
	DefaultPort            = 8080
	DefaultVersion         = "v1"
	DefaultGoVersion       = "1.25"
	DefaultDrainDelay      = 5 * time.Second
	DefaultShutdownTimeout = 20 * time.Second
	DefaultSLO             = 99.9
)

// File names, relative to the output directory.
const (
	deploymentFile      = "kubernetes/deployment.yaml"
	virtualServiceFile  = "istio/virtualservice.yaml"
	destinationRuleFile = "istio/destinationrule.yaml"
	meshRouteFile       = "gateway/grpcroute-mesh.yaml"
	webRouteFile        = "gateway/httproute-ingress.yaml"
	ingressRouteFile    = "gateway/grpcroute-ingress.yaml"
	serviceConfigFile   = "client/service-config.json"
	networkPolicyFile   = "kubernetes/networkpolicy.yaml"
	rbacFile            = "kubernetes/rbac.yaml"
	ruleFile            = "monitoring/prometheusrule.yaml"
	dashboardFile       = "monitoring/dashboard.json"
)
