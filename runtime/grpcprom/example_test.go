package grpcprom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The metrics of a server, and what the handler for /metrics responds.
func Example() {
	metrics := grpcprom.New()
	srv := server.New(server.WithObservers(metrics.Server()))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
	metrics.Add(srv.Sources())

	response := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(response.Body.String()) {
		if strings.HasPrefix(line, `grpc_server_started_total{grpc_method="One"`) {
			fmt.Print(line)
		}
	}
	// Output:
	// grpc_server_started_total{grpc_method="One",grpc_service="test.v1.Echo",grpc_type="unary"} 0
}

// A name that another library has taken is an error.
func ExampleMetrics_Register() {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "grpc_server_started_total"}))

	err := grpcprom.New().Register(registry)
	for part := range strings.SplitSeq(err.Error(), "; ") {
		fmt.Printf("%.85s\n", part)
	}
	// Output:
	// grpcprom: another library, such as go-grpc-middleware, or another Metrics has registe
	// use another registry or grpcprom.WithConstLabels: a previously registered descriptor
}

type tierKey struct{}

// A label with a closed list of values.
func ExampleWithLabels() {
	metrics := grpcprom.New(grpcprom.WithLabels("tier", []string{"free", "paid"},
		func(ctx context.Context) string {
			tier, _ := ctx.Value(tierKey{}).(string)
			return tier // "other" if it is neither
		}))
	fmt.Println(metrics.Register(prometheus.NewRegistry()))
	// Output: <nil>
}
