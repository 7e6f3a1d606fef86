package samezone

import (
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"
)

// config is what the policy is configured with.
type config struct {
	serviceconfig.LoadBalancingConfig

	zone        string // of the caller
	child       balancer.Builder
	childConfig serviceconfig.LoadBalancingConfig // nil if the child has none
}

// parse reads the policy's entry of a service config. Like loadBalancingConfig, childPolicy is a
// list, of which the first policy that is registered counts.
func parse(js json.RawMessage) (*config, error) {
	var entry struct {
		Zone        string
		ChildPolicy []map[string]json.RawMessage
	}
	if err := json.Unmarshal(js, &entry); err != nil {
		return nil, err
	}
	if entry.Zone == "" {
		return nil, errors.New("the zone is empty; pass the zone in which the caller runs")
	}
	child, childConfig, err := parseChild(entry.ChildPolicy)
	if err != nil {
		return nil, fmt.Errorf("childPolicy: %w", err)
	}
	return &config{zone: entry.Zone, child: child, childConfig: childConfig}, nil
}

// parseChild returns the first registered policy of the list. grpc exports no function for it.
func parseChild(list []map[string]json.RawMessage) (
	balancer.Builder, serviceconfig.LoadBalancingConfig, error,
) {
	if len(list) == 0 {
		return nil, nil, errors.New(`the list is empty; write, for example, [{"round_robin": {}}]`)
	}
	var unknown []string
	for i, entry := range list {
		if len(entry) != 1 {
			return nil, nil, fmt.Errorf("entry %d has %d policies; want 1", i, len(entry))
		}
		for name, js := range entry {
			if builder := balancer.Get(name); builder != nil {
				config, err := parseWith(builder, js)
				return builder, config, err
			}
			unknown = append(unknown, name)
		}
	}
	return nil, nil, fmt.Errorf("no balancer %q is registered; import its package", unknown)
}

func parseWith(
	builder balancer.Builder, js json.RawMessage,
) (serviceconfig.LoadBalancingConfig, error) {
	parser, ok := builder.(balancer.ConfigParser)
	if !ok {
		return nil, nil
	}
	return parser.ParseConfig(js)
}
