package deploy

// probe calls the health service of the app's server.
type probe struct {
	GRPC             grpcAction `yaml:"grpc"`
	PeriodSeconds    int        `yaml:"periodSeconds"`
	TimeoutSeconds   int        `yaml:"timeoutSeconds"`
	FailureThreshold int        `yaml:"failureThreshold"`
}

type grpcAction struct {
	Port    int    `yaml:"port"`
	Service string `yaml:"service"`
}

// healthService is the name of the health service, which reports SERVING for its own name as long
// as the process responds.
const healthService = "grpc.health.v1.Health"

// probes returns the probes of a pod, one of each kind, however many services the app has.
func probes(app App) (startup, readiness, liveness probe) {
	ask := func(service string, period, failures int) probe {
		return probe{grpcAction{app.probePort(), service}, period, 2, failures}
	}
	return ask(healthService, 1, 60), ask(readyService(app), 5, 2), ask(healthService, 10, 3)
}

// readyService returns the service whose health decides whether a pod receives calls: the only one,
// or "" for the whole server. With several services, one that is not serving would take the others
// out of rotation.
func readyService(app App) string {
	if len(app.Services) == 1 {
		return app.Services[0].FullName
	}
	return ""
}

func readinessNote(app App) string {
	if service := readyService(app); service != "" {
		return "The pod receives calls while " + service + " reports SERVING, which Health().SetServing changes."
	}
	return `The pod receives calls while the server as a whole, "", reports SERVING. If a single service cannot work, clients see that in its own health, and the others keep receiving calls.`
}
