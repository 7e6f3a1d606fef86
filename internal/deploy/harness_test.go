package deploy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// shop is an app with a method for each policy setting that affects a mesh.
func shop() deploy.App {
	retry := policy.Retry{MaxAttempts: 3, InitialBackoff: 100 * time.Millisecond, MaxBackoff: time.Second, Multiplier: 2,
		Codes: []string{"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"}}
	return deploy.App{
		Name:            "shop",
		Image:           "registry.example.com/shop:1.4.0",
		Dir:             deploy.DefaultDir,
		Command:         "cmd/server",
		Port:            deploy.DefaultPort,
		Version:         deploy.DefaultVersion,
		GoVersion:       deploy.DefaultGoVersion,
		DrainDelay:      deploy.DefaultDrainDelay,
		ShutdownTimeout: deploy.DefaultShutdownTimeout,
		Monitoring:      true,
		SLO:             deploy.DefaultSLO,
		Services: []deploy.Service{
			{FullName: "shop.v1.UserService", Methods: []deploy.Method{
				{Name: "GetUser", Policy: policy.Policy{Timeout: 2 * time.Second, MaxTimeout: 10 * time.Second, Retry: retry}},
				{Name: "ListUsers", Policy: policy.Policy{Timeout: 1500 * time.Millisecond, Page: policy.Page{DefaultSize: 50, MaxSize: 1000}}},
				{Name: "CreateUser"},
			}},
			{FullName: "shop.v1.EventService", Methods: []deploy.Method{
				{Name: "WatchEvents", Stream: true, Policy: policy.Policy{Timeout: time.Second, TotalTimeout: time.Hour, IdleTimeout: time.Minute}},
				{Name: "Tail", Stream: true},
			}},
		},
	}
}

// outside is the shop behind a Gateway.
func outside() deploy.App {
	app := shop()
	app.Gateway = "ingress/public"
	return app
}

// withWeb is the shop with a port for HTTP, also behind a Gateway.
func withWeb() deploy.App {
	app := outside()
	app.WebPort = 8081
	app.Hostnames, app.WebHostnames = []string{"api.example.com"}, []string{"shop.example.com"}
	app.Callers = []string{"ingress/*", "checkout"}
	return app
}

// one is an app with one service that has one method.
func one(m deploy.Method) deploy.App {
	app := shop()
	app.Services = []deploy.Service{{FullName: "shop.v1.UserService", Methods: []deploy.Method{m}}}
	return app
}

// filesOf returns the files of a valid app.
func filesOf(t *testing.T, app deploy.App) map[string][]byte {
	t.Helper()
	files, err := deploy.Files(app)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// lines returns the lines of text that contain a word.
func lines(text, word string) (found []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
