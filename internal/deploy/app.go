// Package deploy makes the files that a service is deployed with: a Dockerfile, manifests for Kubernetes and Istio, and the
// service config of its clients. What they say of timeouts, retries and shutdown follows from the policies of the protos and
// from the runtime's budget, so that they agree with what the server does. Everything is written by encoders.
package deploy

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// App is a program to deploy, with the services that it serves.
type App struct {
	// Name is what the program is called in a cluster: the host of its callers. At most 53 lower-case letters, digits and
	// hyphens.
	Name string
	// Image is the image that the Deployment runs, as in "registry.example.com/shop:1.4.0".
	Image string
	// Dir is the directory that the files are in, from the root of the module: "deploy".
	Dir string
	// Module is the directory of the module, from the one that docker copies: "services/shop"; "" where they are the same.
	Module string
	// Workspace reports whether a go.work selects the modules of the build.
	Workspace bool
	// GoWorkOff reports whether docker copies a go.work that the module is no part of.
	GoWorkOff bool
	// Command is the directory of the program's main package, from the root of its module: "cmd/server".
	Command string
	// Port is the TCP port that it serves at, from 1024 on, because it does not run as root.
	Port int
	// Version is the label that Istio's subsets tell releases apart by: "v1", "v2" and so on.
	Version string
	// GoVersion is the version of Go that builds it, as images are tagged: "1.25".
	GoVersion string
	// DrainDelay and ShutdownTimeout are the two options of the runtime's server; 0 is none.
	DrainDelay, ShutdownTimeout time.Duration
	// Services are what it serves, in the order of the manifests.
	Services []Service
}

// Service is one service of an [App].
type Service struct {
	FullName string // as in "library.v1.BookService"
	Methods  []Method
}

// Method is one RPC of a [Service].
type Method struct {
	Name   string
	Stream bool // whether either end streams
	Policy policy.Policy
}

// Defaults of an [App]; the times are those of the runtime's server.
const (
	DefaultDir             = "deploy"
	DefaultPort            = 8080
	DefaultVersion         = "v1"
	DefaultGoVersion       = "1.25"
	DefaultDrainDelay      = 5 * time.Second
	DefaultShutdownTimeout = 20 * time.Second
)

// Names of the files, below the output directory.
const (
	deploymentFile     = "kubernetes/deployment.yaml"
	virtualServiceFile = "istio/virtualservice.yaml"
	serviceConfigFile  = "client/service-config.json"
)
