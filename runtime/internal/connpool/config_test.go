package connpool_test

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/grpc/balancer"

	"github.com/grpcservice/grpcservice/runtime/internal/connpool"
)

func TestConfig(t *testing.T) {
	parser := balancer.Get(connpool.Name).(balancer.ConfigParser)
	for config, want := range map[string]string{
		`{"connections": 4, "childPolicy": [{"round_robin": {}}]}`:                 "",
		`{"connections": 4, "childPolicy": [{"none": {}}, {"pick_first": {}}]}`:    "",
		`{"connections": 4, "idleMillis": 5, "childPolicy": [{"pick_first": {}}]}`: "",
		`{`: "unexpected end of JSON input",
		`{"connections": 0, "childPolicy": [{"round_robin": {}}]}`:  "connections: 0 is below 1",
		`{"connections": -1, "childPolicy": [{"round_robin": {}}]}`: "connections: -1 is below 1",
		`{"connections": 4}`:                                                            "childPolicy: the list is empty",
		`{"connections": 4, "childPolicy": [{}]}`:                                       "childPolicy: entry 0 has 0 policies; want 1",
		`{"connections": 4, "childPolicy": [{"none": {}}, {"nor_this": {}}]}`:           `childPolicy: no balancer ["none" "nor_this"] is registered`,
		`{"connections": 4, "childPolicy": [{"pick_first": {"shuffleAddressList":1}}]}`: "childPolicy: pick_first: ",
	} {
		_, err := parser.ParseConfig(json.RawMessage(config))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", config, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), connpool.Name+": "+want)):
			t.Errorf("%s: %v; want %s", config, err, want)
		}
	}
}
