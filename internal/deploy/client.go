package deploy

import (
	"encoding/json"
	"fmt"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// serviceConfig returns the gRPC service config of all services of app, for clients that have no
// other source of the policies. It equals the result of client.ServiceConfigJSON.
func serviceConfig(app App) ([]byte, error) {
	var methods []policy.MethodConfig
	for _, s := range app.Services {
		for _, m := range s.Methods {
			methods = append(methods, m.Policy.StandaloneConfig(policy.MethodName{Service: s.FullName, Method: m.Name}, m.Stream))
		}
	}
	balancing, _ := Balancing(app.Services) // disagreements are the caller's to report
	config := policy.NewServiceConfig(balancing, methods)
	config.Scale(balancing)
	config.Health = new(policy.HealthConfig)
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", serviceConfigFile, err)
	}
	return append(text, '\n'), nil
}

// Balancing returns how clients distribute the calls of services over the pods, and where the
// services disagree: a service config and a DestinationRule are for all of them.
func Balancing(services []Service) (policy.Balancing, []policy.Disagreement) {
	var all policy.Balancings
	for _, s := range services {
		all = append(all, policy.ServiceBalancing{Service: s.FullName, Balancing: s.Balancing})
	}
	return all.Join()
}
