package deploy

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// nameLimit keeps the longest names derived from an app's name, those of its headless Service and
// of the Deployment of a version, within the 63 characters of a DNS label.
const nameLimit = 53

var (
	namePattern      = lazyregexp.New(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	namespacePattern = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	secretPattern    = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	versionPattern   = lazyregexp.New(`^v[1-9][0-9]{0,3}$`)
	goPattern        = lazyregexp.New(`^1\.[1-9][0-9]*(\.[0-9]+)?$`)
	commandPattern   = lazyregexp.New(`^[A-Za-z0-9_][-A-Za-z0-9._/]*$`)
	// imagePattern matches an image reference: an optional registry, a path, an optional tag and an
	// optional digest.
	imagePattern = lazyregexp.New(`^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?/)?` +
		`[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*` +
		`(:[A-Za-z0-9_][-A-Za-z0-9._]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	protoPattern = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
)

// faults collects the errors in an app.
type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

// check returns all errors in app, each with the name of the plugin's parameter.
func check(app App) error {
	var f faults
	if !namePattern.MatchString(app.Name) || len(app.Name) > nameLimit {
		f.add("app_name: %q is not a name of at most %d lower-case letters, digits and hyphens that starts with a letter and does not end with a hyphen",
			app.Name, nameLimit)
	}
	if !imagePattern.MatchString(app.Image) {
		f.add(`image: %q is not an image reference; want one such as "registry.example.com/shop:1.4.0"`, app.Image)
	}
	if app.Port < 1024 || app.Port > 65535 {
		f.add("port: %d is out of range; want 1024 to 65535, which need no root privileges", app.Port)
	}
	if app.tls() && (!secretPattern.MatchString(app.TLSSecret) || len(app.TLSSecret) > 253) {
		f.add("tls_secret: %q is not the name of a Secret; want lower-case letters, digits, hyphens and dots", app.TLSSecret)
	}
	if !commandPattern.MatchString(app.Command) || path.Clean(app.Command) != app.Command || strings.HasPrefix(app.Command, "..") {
		f.add(`app: %q is not a directory below the root of the module; want one such as "cmd/server"`, app.Command)
	}
	if !commandPattern.MatchString(app.Dir) || path.Clean(app.Dir) != app.Dir || strings.HasPrefix(app.Dir, "..") {
		f.add(`deploy_dir: %q is not a directory below the root of the module; want one such as "deploy"`, app.Dir)
	}
	if app.Module != "" && (!commandPattern.MatchString(app.Module) || path.Clean(app.Module) != app.Module) {
		f.add(`the module's directory %q is not a path below Docker's build context; rename it`, app.Module)
	}
	if !versionPattern.MatchString(app.Version) {
		f.add(`version: %q is not a version; want "v" and a number, such as "v1"`, app.Version)
	}
	if !goPattern.MatchString(app.GoVersion) {
		f.add(`the Go version %q is not a tag of the Go image; want one such as "1.25"`, app.GoVersion)
	}
	f.duration("the drain delay", app.DrainDelay)
	f.duration("the shutdown timeout", app.ShutdownTimeout)
	if app.Monitoring && (app.SLO < 95 || app.SLO > 99.999) {
		f.add("slo: %v is out of range; want a percentage from 95 to 99.999", app.SLO)
	}
	f.callers(app.Callers)
	f.endpointSlices(app)
	f.gateway(app)
	f.web(app)
	f.services(app.Services)
	return errors.Join(f...)
}

// duration reports a duration that a pod cannot have.
func (f *faults) duration(what string, d time.Duration) {
	const longest = 24 * time.Hour
	if d < 0 || d > longest {
		f.add("%s: %v is out of range; want 0 to %v", what, d, longest)
	}
}

// services reports invalid proto names and duplicates.
func (f *faults) services(services []Service) {
	if len(services) == 0 {
		f.add("the protos have no service to deploy; add one")
	}
	seen := make(map[string]bool)
	unique := func(name string) {
		if !protoPattern.MatchString(name) {
			f.add("%q is not a proto name; rename it", name)
		} else if seen[name] {
			f.add("%s is declared twice; remove one of them", name)
		}
		seen[name] = true
	}
	for _, s := range services {
		unique(s.FullName)
		for _, m := range s.Methods {
			unique(s.FullName + "." + m.Name)
		}
	}
}
