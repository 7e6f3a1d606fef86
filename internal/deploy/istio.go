package deploy

import "encoding/json"

// istio returns the manifests for a mesh. There are none for a program that serves TLS itself: a
// proxy cannot read its calls.
func istio(app App) []manifest {
	if app.tls() {
		return nil
	}
	return []manifest{
		destinationRuleOf(app),
		virtualServiceOf(app),
		{
			file:   "istio/kustomization.yaml",
			head:   "kubectl apply -k " + app.Dir + "/istio",
			object: kustomizationOf("destinationrule.yaml", "virtualservice.yaml"),
		},
	}
}

// proxyConfigKey is the annotation that configures a pod's proxy.
const proxyConfigKey = "proxy.istio.io/config"

// podAnnotations returns the annotations of a pod. A program that serves TLS itself has no proxy.
func podAnnotations(app App) map[string]string {
	if app.tls() {
		return nil
	}
	annotations := map[string]string{proxyConfigKey: proxyConfig(app)}
	if app.Monitoring {
		annotations[excludePortsKey] = numbers(app.adminPort())
	}
	return annotations
}

// proxyConfig returns the annotation that keeps a pod's proxy running until the server has drained.
func proxyConfig(app App) string {
	text, _ := json.Marshal(struct { // strings and booleans cannot fail to encode
		Hold  bool   `json:"holdApplicationUntilProxyStarts"`
		Drain string `json:"terminationDrainDuration"`
	}{true, istioDuration(app.DrainDelay + app.ShutdownTimeout)})
	return string(text)
}
