package samezone

import (
	"encoding/json"
	"errors"

	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcservice/grpcservice/runtime/internal/childpolicy"
)

// config is what the policy is configured with.
type config struct {
	serviceconfig.LoadBalancingConfig

	zone  string // of the caller
	child childpolicy.Child
}

// parse reads the policy's entry of a service config.
func parse(js json.RawMessage) (*config, error) {
	var entry struct {
		Zone        string
		ChildPolicy childpolicy.List
	}
	if err := json.Unmarshal(js, &entry); err != nil {
		return nil, err
	}
	if entry.Zone == "" {
		return nil, errors.New("the zone is empty; pass the zone in which the caller runs")
	}
	child, err := entry.ChildPolicy.Parse()
	if err != nil {
		return nil, err
	}
	return &config{zone: entry.Zone, child: child}, nil
}
