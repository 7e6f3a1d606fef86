// Package childpolicy reads the childPolicy of balancers that wrap another one.
package childpolicy

import (
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"
)

// List is a childPolicy. Like loadBalancingConfig, it is a list, of which the first balancer that
// is registered counts (gRFC A24).
type List []map[string]json.RawMessage

// Child is a balancer with its configuration.
type Child struct {
	balancer.Builder

	Config serviceconfig.LoadBalancingConfig // nil if the balancer has none
}

// Parse returns the first balancer of the list that is registered. grpc exports no function for it.
func (l List) Parse() (Child, error) {
	if len(l) == 0 {
		return Child{}, errors.New(`childPolicy: the list is empty; write, for example, [{"round_robin": {}}]`)
	}
	var unknown []string
	for i, entry := range l {
		if len(entry) != 1 {
			return Child{}, fmt.Errorf("childPolicy: entry %d has %d policies; want 1", i, len(entry))
		}
		for name, text := range entry {
			if builder := balancer.Get(name); builder != nil {
				return parse(builder, text)
			}
			unknown = append(unknown, name)
		}
	}
	return Child{}, fmt.Errorf("childPolicy: no balancer %q is registered; import its package", unknown)
}

func parse(builder balancer.Builder, text json.RawMessage) (Child, error) {
	parser, ok := builder.(balancer.ConfigParser)
	if !ok {
		return Child{Builder: builder}, nil
	}
	config, err := parser.ParseConfig(text)
	if err != nil {
		return Child{}, fmt.Errorf("childPolicy: %s: %w", builder.Name(), err)
	}
	return Child{builder, config}, nil
}
