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
	config := policy.NewServiceConfig(methods)
	config.Health = new(policy.HealthConfig)
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", serviceConfigFile, err)
	}
	return append(text, '\n'), nil
}
