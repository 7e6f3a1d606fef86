package deploy

// object has the fields common to all manifests.
type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
}

type metadata struct {
	Name        string            `yaml:"name,omitempty"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type labelSelector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

// appLabels select the pods of all versions, podLabels those of one version.
func appLabels(app App) map[string]string { return map[string]string{"app": app.Name} }

func podLabels(app App) map[string]string {
	return map[string]string{"app": app.Name, "version": app.Version}
}

// release returns the name of objects that exist once per version, so that two versions can run
// side by side.
func release(app App) string { return app.Name + "-" + app.Version }

// ofApp and ofRelease return the common fields of a manifest.
func ofApp(app App, apiVersion, kind string) object {
	return object{apiVersion, kind, metadata{Name: app.Name, Labels: appLabels(app)}}
}

func ofRelease(app App, apiVersion, kind string) object {
	return object{apiVersion, kind, metadata{Name: release(app), Labels: podLabels(app)}}
}

// kustomization lists the manifests of a directory, for kubectl apply -k.
type kustomization struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Resources  []string `yaml:"resources"`
}

func kustomizationOf(resources ...string) kustomization {
	return kustomization{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources}
}
