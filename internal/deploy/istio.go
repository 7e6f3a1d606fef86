package deploy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// istioVersion is the version of Istio's API that the manifests are in. Its CRDs have it since Istio 1.22.
const istioVersion = "networking.istio.io/v1"

// versionHeader is what a caller chooses a version by.
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

// nextVersion is the version that comes after the one that is deployed: v2 after v1.
func nextVersion(app App) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(app.Version, "v")) // checked
	return fmt.Sprintf("v%d", n+1)
}

// proxyConfigKey is the annotation that has the configuration of a pod's proxy.
const proxyConfigKey = "proxy.istio.io/config"

// proxyConfig has a pod's proxy outlive the server's drain.
func proxyConfig(app App) string {
	text, _ := json.Marshal(struct { // strings and booleans
		Hold  bool   `json:"holdApplicationUntilProxyStarts"`
		Drain string `json:"terminationDrainDuration"`
	}{true, istioDuration(app.DrainDelay + app.ShutdownTimeout)})
	return string(text)
}

// istioDuration spells a duration as Istio's API does, which knows milliseconds and nothing shorter. What is left over is
// rounded up.
func istioDuration(d time.Duration) string {
	seconds := time.Duration(ceil(d, time.Millisecond)) * time.Millisecond
	return strconv.FormatFloat(seconds.Seconds(), 'f', -1, 64) + "s"
}
