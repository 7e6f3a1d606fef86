package deploy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// istioVersion is the API version of the manifests. Istio's CRDs support it since Istio 1.22.
const istioVersion = "networking.istio.io/v1"

// versionHeader is the header in which a caller selects a version.
const versionHeader = "version"

// nextVersion returns the version after the deployed one: v2 after v1.
func nextVersion(app App) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(app.Version, "v")) // check has validated it
	return fmt.Sprintf("v%d", n+1)
}

// istioDuration formats a duration for Istio's API, which does not support units below a
// millisecond. It rounds up.
func istioDuration(d time.Duration) string {
	seconds := time.Duration(ceil(d, time.Millisecond)) * time.Millisecond
	return strconv.FormatFloat(seconds.Seconds(), 'f', -1, 64) + "s"
}
