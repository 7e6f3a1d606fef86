package deploy_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

var update = flag.Bool("update", false, "rewrite what the golden tests want")

// TestGolden compares all files of five apps with those in testdata: one app has several services,
// one a single service without policies and without monitoring that follows EndpointSlices, one
// serves TLS, one states how calls are distributed, and one serves HTTP on a second port. The tests of module conform check them
// against the types of Kubernetes and Istio.
func TestGolden(t *testing.T) {
	single := one(deploy.Method{Name: "GetUser", Policy: policy.Policy{}})
	single.Name, single.Version, single.DrainDelay, single.ShutdownTimeout = "users", "v2", 0, 0
	single.Monitoring = false
	single.EndpointSlices, single.Namespace = []string{"library", "billing"}, "accounts"
	encrypted := one(deploy.Method{Name: "GetUser", Policy: policy.Policy{}})
	encrypted.TLSSecret = "shop-tls"
	encrypted.Gateway, encrypted.Hostnames = "ingress/public/grpc", []string{"api.example.com", "*.example.org"}
	encrypted.Callers = []string{"web/checkout", "jobs/*", "*/probe", "batch", "*"}
	picked := one(deploy.Method{Name: "GetUser", Policy: policy.Policy{}})
	picked.Monitoring = false
	picked.Services[0].Balancing = policy.Balancing{Policy: policy.PickFirst, Connections: 4, SameZone: true}
	apps := map[string]deploy.App{
		"shop": outside(), "single": single, "tls": encrypted, "balanced": picked, "web": withWeb(),
	}
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			dir, got := filepath.Join("testdata", name), filesOf(t, app)
			if *update {
				write(t, dir, got)
				return
			}
			want := make(map[string]string)
			if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				content, err := os.ReadFile(path)
				name, _ := filepath.Rel(dir, path)
				want[filepath.ToSlash(name)] = string(content)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			text := make(map[string]string)
			for path, content := range got {
				text[path] = string(content)
			}
			if diff := cmp.Diff(want, text); diff != "" {
				t.Errorf("the files are not those of %s; if they should be, run go test ./internal/deploy -update (-want +got):\n%s", dir, diff)
			}
		})
	}
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		path, content := filepath.Join(dir, filepath.FromSlash(path)), files[path]
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilesAreTheSameEachTime checks that the output does not depend on map iteration order.
func TestFilesAreTheSameEachTime(t *testing.T) {
	want := filesOf(t, shop())
	for range 20 {
		if diff := cmp.Diff(want, filesOf(t, shop())); diff != "" {
			t.Fatal(diff)
		}
	}
}
