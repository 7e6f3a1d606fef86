package deploy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// istioVersion is the API version of the manifests. Istio's CRDs support it since Istio 1.22.
const istioVersion = "networking.istio.io/v1"

// versionHeader is the header in which a caller selects a version.
const versionHeader = "version"

// istio returns the manifests for a mesh.
func istio(app App) []manifest {
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

// nextVersion returns the version after the deployed one: v2 after v1.
func nextVersion(app App) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(app.Version, "v")) // check has validated it
	return fmt.Sprintf("v%d", n+1)
}

// proxyConfigKey is the annotation that configures a pod's proxy.
const proxyConfigKey = "proxy.istio.io/config"

// proxyConfig returns the annotation that keeps a pod's proxy running until the server has drained.
func proxyConfig(app App) string {
	text, _ := json.Marshal(struct { // strings and booleans cannot fail to encode
		Hold  bool   `json:"holdApplicationUntilProxyStarts"`
		Drain string `json:"terminationDrainDuration"`
	}{true, istioDuration(app.DrainDelay + app.ShutdownTimeout)})
	return string(text)
}

// istioDuration formats a duration for Istio's API, which does not support units below a
// millisecond. It rounds up.
func istioDuration(d time.Duration) string {
	seconds := time.Duration(ceil(d, time.Millisecond)) * time.Millisecond
	return strconv.FormatFloat(seconds.Seconds(), 'f', -1, 64) + "s"
}
