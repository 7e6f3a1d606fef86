package conform_test

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	klabels "k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// TestKustomize checks that kubectl apply -k finds every manifest of a directory.
func TestKustomize(t *testing.T) {
	forEachGateway(t, func(t *testing.T, _ deploy.App, files map[string][]byte) {
		fs, manifests := filesys.MakeFsInMemory(), make(map[string]int)
		for name, content := range files {
			if err := fs.WriteFile("/deploy/"+name, content); err != nil {
				t.Fatal(err)
			}
			if path.Base(name) != "kustomization.yaml" {
				manifests[path.Dir(name)] += max(1, len(documents(files, name)))
			}
		}
		for _, dir := range []string{"kubernetes", "istio", "gateway", "monitoring"} {
			if manifests[dir] == 0 {
				continue
			}
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/deploy/"+dir)
			if err != nil {
				t.Fatal(err)
			}
			if built.Size() != manifests[dir] {
				t.Errorf("%s has %d manifests, %d of which are applied", dir, manifests[dir], built.Size())
			}
		}
	})
}

// TestSecondVersion follows the steps of docs/deploy.md for a second version, and checks that its
// objects are separate from those of the first where they must be, and that the same Services
// select both.
func TestSecondVersion(t *testing.T) {
	app := apps()["shop"]
	app.Name = "library" // as in docs/deploy.md
	files, err := deploy.Files(app)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, "deploy", name), content)
	}
	page, err := os.ReadFile("../../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "deploy/v2/kustomization.yaml"), block(t, page, "yaml", "# deploy/v2/kustomization.yaml"))
	cmd := exec.Command("sh", "-e", "-c", string(block(t, page, "sh", "mkdir -p deploy/v2")))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	second := make(map[string][]byte)
	for _, name := range []string{"deployment.yaml", "horizontalpodautoscaler.yaml", "poddisruptionbudget.yaml"} {
		if second[name], err = os.ReadFile(filepath.Join(dir, "deploy/v2", name)); err != nil {
			t.Fatal(err)
		}
	}
	v1, v2 := decode[appsv1.Deployment](t, files, "kubernetes/deployment.yaml"), decode[appsv1.Deployment](t, second, "deployment.yaml")
	service := decode[corev1.Service](t, files, "kubernetes/service.yaml")
	scaled := decode[autoscalingv2.HorizontalPodAutoscaler](t, second, "horizontalpodautoscaler.yaml").Spec.ScaleTargetRef.Name
	budget := decode[policyv1.PodDisruptionBudget](t, second, "poddisruptionbudget.yaml")
	labels := v2.Spec.Template.Labels
	if v1.Name == v2.Name || v2.Name != scaled || labels["version"] != "v2" {
		t.Errorf("%s and %s, of which %s is scaled; version %s", v1.Name, v2.Name, scaled, labels["version"])
	}
	selects(t, "v2", v2.Spec.Selector, labels)
	selects(t, "the budget of v2", budget.Spec.Selector, labels)
	selects(t, "the Service", &metav1.LabelSelector{MatchLabels: service.Spec.Selector}, labels)
	if s, err := metav1.LabelSelectorAsSelector(v1.Spec.Selector); err != nil || s.Matches(klabels.Set(labels)) {
		t.Errorf("the Deployment of v1 takes the pods of v2: %v, %v", s, err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, "deploy/v2"))
	if err != nil || built.Size() != 3 {
		t.Errorf("%d manifests are applied, %v", built.Size(), err)
	}
}

// block returns the first code block of a page that starts with a line.
func block(t *testing.T, page []byte, language, first string) []byte {
	t.Helper()
	_, rest, found := bytes.Cut(page, []byte("```"+language+"\n"+first))
	text, _, closed := bytes.Cut(rest, []byte("\n```"))
	if !found || !closed {
		t.Fatalf("docs/deploy.md has no block that begins with %q", first)
	}
	return append([]byte(first), text...)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
