package deploy

// probe asks the health service of the app's server.
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

// healthService is the health service's own name, of which it says that it is serving for as long as it answers.
const healthService = "grpc.health.v1.Health"

// probes returns what a pod is asked. It has one probe of each kind, however many services it serves.
func probes(app App) (startup, readiness, liveness probe) {
	ask := func(service string, period, failures int) probe {
		return probe{grpcAction{app.Port, service}, period, 2, failures}
	}
	return ask(healthService, 1, 60), ask(readyService(app), 5, 2), ask(healthService, 10, 3)
}

// readyService is the service whose health decides whether a pod gets calls: the only one, or the server as a whole. Of
// several, one that cannot work would take the others along.
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
