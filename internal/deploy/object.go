package deploy

// object is what every manifest begins with.
type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
}

type metadata struct {
	Name        string            `yaml:"name,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type labelSelector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

// appLabels choose the pods of all versions, podLabels those of one.
func appLabels(app App) map[string]string { return map[string]string{"app": app.Name} }

func podLabels(app App) map[string]string {
	return map[string]string{"app": app.Name, "version": app.Version}
}

// release is the name of what there is one of for each version: two of them run side by side.
func release(app App) string { return app.Name + "-" + app.Version }

// ofApp and ofRelease return the beginning of a manifest.
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
