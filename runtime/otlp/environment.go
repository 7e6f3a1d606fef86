package otlp

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// environment is what the exporter itself reads of the standard variables. The SDK reads the
// others.
type environment struct {
	enabled bool
	limit   int // of the queue
}

// readEnvironment reads the variables that the SDK would ignore or only log if they are wrong.
func readEnvironment(getenv func(string) string) (env environment, err error) {
	first := func(names ...string) (name, value string) {
		for _, name = range names {
			if value = getenv(name); value != "" {
				return name, value
			}
		}
		return name, ""
	}
	env.limit = 2048
	if n, err := strconv.Atoi(getenv("OTEL_BSP_MAX_QUEUE_SIZE")); err == nil && n > 0 {
		env.limit = n
	}
	name, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	exporter := cmp.Or(getenv("OTEL_TRACES_EXPORTER"), "otlp")
	if endpoint == "" || exporter == "none" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return env, nil
	}
	if exporter != "otlp" {
		return env, fmt.Errorf("OTEL_TRACES_EXPORTER=%q: want otlp or none", exporter)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return env, fmt.Errorf("%s=%q: want a URL such as http://localhost:4317", name, endpoint)
	}
	name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if protocol != "" && protocol != "grpc" {
		return env, fmt.Errorf("%s=%q: want grpc; collectors accept it at port 4317", name, protocol)
	}
	env.enabled = true
	return env, nil
}
