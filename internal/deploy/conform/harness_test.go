package conform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// apps are the apps under test: a typical one, the smallest and the largest possible, one that
// serves TLS, one without monitoring, one whose ports are those of the admin page, two with a port
// for HTTP, and some with names that YAML would read as other types.
func apps() map[string]deploy.App {
	shop := deploy.App{
		Name: "shop", Image: "registry.example.com/shop:1.4.0", Dir: deploy.DefaultDir, Command: "cmd/server", Port: deploy.DefaultPort, Version: deploy.DefaultVersion,
		Monitoring: true, SLO: deploy.DefaultSLO,
		GoVersion: deploy.DefaultGoVersion, DrainDelay: deploy.DefaultDrainDelay, ShutdownTimeout: deploy.DefaultShutdownTimeout,
		Services: []deploy.Service{
			{FullName: "shop.v1.UserService", Methods: []deploy.Method{
				{Name: "GetUser", Policy: policy.Policy{Page: policy.Page{DefaultSize: 50, MaxSize: 1000}, Timeout: 2 * time.Second, Retry: policy.Retry{
					MaxAttempts: 5, InitialBackoff: time.Microsecond, MaxBackoff: time.Second, Multiplier: 2,
					Codes: []string{"CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED"}}}},
				{Name: "ListUsers", Policy: policy.Policy{Timeout: time.Nanosecond, MaxTimeout: 100 * time.Hour}},
				{Name: "Rare", Policy: policy.Policy{Timeout: policy.None, Retry: policy.Retry{
					MaxAttempts: 2, InitialBackoff: time.Second, MaxBackoff: time.Second, Multiplier: 1, Codes: []string{"DATA_LOSS"}}}},
				{Name: "CreateUser"},
			}},
			{FullName: "shop.v1.EventService", Methods: []deploy.Method{
				{Name: "WatchEvents", Stream: true, Policy: policy.Policy{TotalTimeout: time.Hour}},
			}},
		},
	}
	all := map[string]deploy.App{"shop": shop}
	for name, b := range map[string]policy.Balancing{
		"pick first":  {Policy: policy.PickFirst, Connections: 64, SameZone: true},
		"round robin": {Policy: policy.RoundRobin}, "least request": {Policy: policy.LeastRequest, Connections: 1},
	} {
		balanced := shop
		balanced.Services = slices.Clone(shop.Services)
		balanced.Services[1].Balancing = b
		all[name] = balanced
	}
	least := shop
	least.Services = []deploy.Service{{FullName: "Users"}}
	least.DrainDelay, least.ShutdownTimeout = 0, 0
	all["least"] = least
	most := shop
	most.Name, most.Version, most.Port = strings.Repeat("a", 53), "v9999", 65535
	most.Image = "localhost:5000/a/b:c@sha256:" + strings.Repeat("0", 64)
	most.DrainDelay, most.ShutdownTimeout = 24*time.Hour, 24*time.Hour-time.Nanosecond
	all["most"] = most
	encrypted := shop
	encrypted.TLSSecret = "shop-tls"
	all["tls"] = encrypted
	unseen := shop
	unseen.Monitoring = false
	all["unseen"] = unseen
	crowded := encrypted
	crowded.Port = 9089 // the probes take 9090, the port of the admin page
	all["crowded"] = crowded
	called := shop
	called.Callers = []string{"web/checkout", "jobs/*", "*/probe", "batch", "0"}
	all["called"] = called
	web := shop
	web.WebPort = 8081
	all["web"] = web
	secureWeb := crowded
	secureWeb.WebPort = 9090 // the probes take 9091, and the admin page 9092
	secureWeb.Callers = called.Callers
	all["web with tls"] = secureWeb
	follower := shop
	follower.EndpointSlices, follower.Namespace = []string{"library", "billing"}, "web"
	all["follower"] = follower
	names := shop
	names.Services = []deploy.Service{{FullName: "_a.B__c"}, {FullName: "NaN"}}
	for _, name := range []string{"le", "by", "or", "NaN", "Inf", "_", "namespace", "true"} {
		method := deploy.Method{Name: name, Policy: policy.Policy{Timeout: time.Second}}
		names.Services[0].Methods = append(names.Services[0].Methods, method)
		names.Services[1].Methods = append(names.Services[1].Methods, method)
	}
	all["names"] = names
	for _, name := range []string{"on", "off", "yes", "y", "n", "null", "true", "e1", "inf"} {
		odd := shop
		odd.Name, odd.Image = name, name
		all[name] = odd
	}
	return all
}

// forEach runs a test on the files of each app.
func forEach(t *testing.T, test func(t *testing.T, app deploy.App, files map[string][]byte)) {
	for name, app := range apps() {
		t.Run(name, func(t *testing.T) {
			files, err := deploy.Files(app)
			if err != nil {
				t.Fatal(err)
			}
			test(t, app, files)
		})
	}
}

// forEachInMesh is forEach for apps that do not serve TLS themselves. The others have no manifests
// for a mesh.
func forEachInMesh(t *testing.T, test func(t *testing.T, app deploy.App, files map[string][]byte)) {
	forEach(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		if app.TLSSecret == "" {
			test(t, app, files)
			return
		}
		for name := range files {
			if strings.HasPrefix(name, "istio/") {
				t.Errorf("there is %s", name)
			}
		}
	})
}

// probePort returns the port that the probes of an app call.
func probePort(app deploy.App) int {
	switch {
	case app.TLSSecret == "":
		return app.Port
	case app.WebPort == app.Port+1:
		return app.Port + 2
	default:
		return app.Port + 1
	}
}

// decode decodes a file and fails on unknown fields.
func decode[T any](t *testing.T, files map[string][]byte, path string) T {
	t.Helper()
	content, ok := files[path]
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	return decodeText[T](t, path, content)
}

// decodeText decodes a document, and fails on unknown fields.
func decodeText[T any](t *testing.T, path string, content []byte) T {
	t.Helper()
	var v T
	text, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	// Like the API server and unlike encoding/json, UnmarshalStrict is case-sensitive.
	unknown, err := json.UnmarshalStrict(text, &v)
	if err = errors.Join(append(unknown, err)...); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}
