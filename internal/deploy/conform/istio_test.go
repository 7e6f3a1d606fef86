package conform_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	networkingv1alpha3 "istio.io/api/networking/v1alpha3"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// TestIstioTypes checks that the manifests decode into Istio's types and agree with each other and
// with the Deployment: the subsets of the routes exist, and the deployed subset selects the pods of
// the Deployment.
func TestIstioTypes(t *testing.T) {
	forEachInMesh(t, func(t *testing.T, app deploy.App, files map[string][]byte) {
		var v networkingv1alpha3.VirtualService
		spec(t, files, "istio/virtualservice.yaml", "VirtualService", &v)
		var r networkingv1alpha3.DestinationRule
		spec(t, files, "istio/destinationrule.yaml", "DestinationRule", &r)
		if r.Host != app.Name || len(v.Hosts) != 1 || v.Hosts[0] != app.Name {
			t.Errorf("they are for %v and %v", r.Host, v.Hosts)
		}
		subsets := make(map[string]map[string]string)
		for _, s := range r.Subsets {
			subsets[s.Name] = s.Labels
		}
		names := make(map[string]bool)
		for i, route := range v.Http {
			if names[route.Name] {
				t.Errorf("there are two routes %s", route.Name)
			}
			names[route.Name] = true
			if d := route.Route[0].Destination; d.Host != app.Name || subsets[d.Subset] == nil {
				t.Errorf("route %s goes to %v", route.Name, d)
			}
			if app.WebPort != 0 {
				checkPort(t, app, i, route)
			} else if last := i == len(v.Http)-1; last != (len(route.Match) == 0) {
				t.Errorf("route %s is not reached, or the last one is not for all", route.Name)
			}
			// These conditions repeat istiod's validation, because Istio's module is too large a
			// dependency.
			if retries := route.Retries; retries == nil || retries.Attempts == 0 && (retries.RetryOn != "" || retries.Backoff != nil || retries.PerTryTimeout != nil) {
				t.Errorf("route %s retries %v", route.Name, retries)
			}
		}
		pod := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml").Spec.Template
		if got := subsets[app.Version]["version"]; got != pod.Labels["version"] || len(subsets) != 2 {
			t.Errorf("subset %s has the pods of version %q", app.Version, got)
		}
		var proxy meshv1alpha1.ProxyConfig
		if err := protojson.Unmarshal([]byte(pod.Annotations["proxy.istio.io/config"]), &proxy); err != nil {
			t.Error(err)
		}
		if got := proxy.TerminationDrainDuration.AsDuration(); got < app.DrainDelay+app.ShutdownTimeout {
			t.Errorf("the proxy goes after %v", got)
		}
	})
}

// checkPort checks that a route of a program with two ports leads from a port to the same port: the
// first two from that of HTTP, the second without other conditions, and the others from that of
// gRPC, the last without other conditions.
func checkPort(t *testing.T, app deploy.App, i int, route *networkingv1alpha3.HTTPRoute) {
	t.Helper()
	want := app.Port
	if i < 2 {
		want = app.WebPort
	}
	to := route.Route[0].Destination.Port
	if len(route.Match) != 1 || int(route.Match[0].Port) != want || to == nil || int(to.Number) != want {
		t.Errorf("route %s leads from %v to %v, want port %d", route.Name, route.Match, to, want)
	}
	isDefault := strings.HasPrefix(route.Name, "web.") || strings.HasPrefix(route.Name, "default.")
	if isDefault && strings.HasSuffix(route.Name, "."+app.Version) && (route.Match[0].Uri != nil || route.Match[0].Headers != nil) {
		t.Errorf("route %s is not for all others: %v", route.Name, route.Match)
	}
}

// spec decodes the spec of a manifest into an Istio message, and fails on unknown fields.
func spec(t *testing.T, files map[string][]byte, path, kind string, m proto.Message) {
	t.Helper()
	object := decode[struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   map[string]any  `json:"metadata"`
		Spec       json.RawMessage `json:"spec"`
	}](t, files, path)
	if object.APIVersion != "networking.istio.io/v1" || object.Kind != kind {
		t.Errorf("%s is a %s %s", path, object.APIVersion, object.Kind)
	}
	if err := protojson.Unmarshal(object.Spec, m); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// TestIstioSchemas checks the manifests as the API server of a cluster with Istio does: against the
// schemas and validation rules of the custom resource definitions.
func TestIstioSchemas(t *testing.T) {
	schemas := istioSchemas(t)
	forEachInMesh(t, func(t *testing.T, _ deploy.App, files map[string][]byte) {
		for _, path := range []string{"istio/virtualservice.yaml", "istio/destinationrule.yaml"} {
			var object map[string]any
			if err := yaml.Unmarshal(files[path], &object); err != nil {
				t.Fatal(err)
			}
			judge, ok := schemas[object["kind"].(string)]
			if !ok {
				t.Fatalf("there is no schema for %s", object["kind"])
			}
			for _, fault := range judge(t, object) {
				t.Errorf("%s: %s", path, fault)
			}
		}
	})
}

// TestIstioSchemasJudge checks that the schemas detect errors.
func TestIstioSchemasJudge(t *testing.T) {
	judge := istioSchemas(t)["VirtualService"]
	for text, want := range map[string]string{
		"timeout: 0s":                      "greater than 1ms",
		"timeout: soon":                    "valid duration",
		"timeout: 5":                       "must be of type string",
		"retries: {attempts: 1, codes: x}": "unknown field",
	} {
		var object map[string]any
		if err := yaml.Unmarshal([]byte("{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: x}, spec: {hosts: [x], http: [{"+text+"}]}}"), &object); err != nil {
			t.Fatal(err)
		}
		if faults := judge(t, object); !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%s: %q, want %q", text, faults, want)
		}
	}
}

// istioSchemas returns the validator of each Istio kind, built from the definitions in Istio's
// module.
func istioSchemas(t *testing.T) map[string]func(*testing.T, map[string]any) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleDir(t, "istio.io/api"), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return schemasOf(t, text)
}

// moduleDir returns the directory of a module in the module cache.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(dir))
}

// schemasOf returns the validator of version v1 of each kind in a file of definitions.
func schemasOf(t *testing.T, text []byte) map[string]func(*testing.T, map[string]any) []string {
	t.Helper()
	judges := make(map[string]func(*testing.T, map[string]any) []string)
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(doc, &crd); err != nil {
			t.Fatal(err)
		}
		switch crd.Spec.Names.Kind {
		case "VirtualService", "DestinationRule", "GRPCRoute", "HTTPRoute", "BackendTLSPolicy":
		default:
			continue
		}
		for _, version := range crd.Spec.Versions {
			if version.Name == "v1" && version.Served {
				judges[crd.Spec.Names.Kind] = judgeOf(t, version.Schema.OpenAPIV3Schema)
			}
		}
	}
	return judges
}

// judgeOf returns a function that finds unknown fields, wrong types and violated rules.
func judgeOf(t *testing.T, v1 *apiextensionsv1.JSONSchemaProps) func(*testing.T, map[string]any) []string {
	t.Helper()
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		t.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	return func(t *testing.T, object map[string]any) (faults []string) {
		defaulting.Default(object, structural)
		for _, fault := range validation.ValidateCustomResource(nil, object, validator) {
			faults = append(faults, fault.Error())
		}
		broken, _ := rules.Validate(t.Context(), nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
		for _, fault := range broken {
			faults = append(faults, fault.Error())
		}
		for _, path := range pruning.PruneWithOptions(object, structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
			faults = append(faults, "unknown field "+path)
		}
		return faults
	}
}
