package deploy

import (
	"slices"
	"strings"
	"time"
)

// containerName is the name of the app's container in its pod, next to that of a proxy.
const containerName = "server"

// portName is the name of the app's port. Istio and other tools infer the protocol from it.
const portName = "grpc"

type container struct {
	Name            string            `yaml:"name"`
	Image           string            `yaml:"image"`
	Ports           []containerPort   `yaml:"ports"`
	Env             []envVar          `yaml:"env"`
	Resources       resources         `yaml:"resources"`
	StartupProbe    probe             `yaml:"startupProbe"`
	ReadinessProbe  probe             `yaml:"readinessProbe"`
	LivenessProbe   probe             `yaml:"livenessProbe"`
	SecurityContext containerSecurity `yaml:"securityContext"`
	VolumeMounts    []volumeMount     `yaml:"volumeMounts"`
}

type volumeMount struct {
	Name      string `yaml:"name"`
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}

type containerPort struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
	Protocol      string `yaml:"protocol"`
}

// envVar has either a value or a source.
type envVar struct {
	Name      string     `yaml:"name"`
	Value     string     `yaml:"value,omitempty"`
	ValueFrom *envSource `yaml:"valueFrom,omitempty"`
}

// envSource has one of the two references.
type envSource struct {
	ResourceFieldRef *resourceField `yaml:"resourceFieldRef,omitempty"`
	SecretKeyRef     *secretKey     `yaml:"secretKeyRef,omitempty"`
}

type resourceField struct {
	Resource string `yaml:"resource"`
}

type secretKey struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

type resources struct {
	Requests quantities `yaml:"requests"`
	Limits   quantities `yaml:"limits"`
}

type quantities struct {
	CPU    string `yaml:"cpu"`
	Memory string `yaml:"memory"`
}

type containerSecurity struct {
	AllowPrivilegeEscalation bool         `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool         `yaml:"readOnlyRootFilesystem"`
	Capabilities             capabilities `yaml:"capabilities"`
}

type capabilities struct {
	Drop []string `yaml:"drop"`
}

// The environment variables from which the server's main function reads its configuration.
const (
	envAddr            = "ADDR"
	envDrainDelay      = "DRAIN_DELAY"
	envShutdownTimeout = "SHUTDOWN_TIMEOUT"
	envConnectionAge   = "MAX_CONNECTION_AGE"
	envConnectionGrace = "MAX_CONNECTION_AGE_GRACE"
	envTokenKeys       = "TOKEN_KEYS"
)

// tokenKeys returns the secret that contains the keys of page tokens.
func tokenKeys(app App) secretKey { return secretKey{Name: app.Name + "-token-keys", Key: "keys"} }

// hasTokens reports whether a method of app returns page tokens, or may return positions.
func (a App) hasTokens() bool {
	return slices.ContainsFunc(a.Services, func(s Service) bool {
		return slices.ContainsFunc(s.Methods, func(m Method) bool {
			return m.Policy.Page.MaxSize > 0 || m.Policy.Subscription.MaxLines > 0
		})
	})
}

// envOf returns the environment variables of app.
func envOf(app App) []envVar {
	env := []envVar{
		{Name: envAddr, Value: ":" + numbers(app.Port)},
		{Name: envDrainDelay, Value: app.DrainDelay.String()},
		{Name: envShutdownTimeout, Value: app.ShutdownTimeout.String()},
		{Name: envConnectionAge, Value: strings.TrimSuffix(connectionAge.String(), "0s")},
		{Name: envConnectionGrace, Value: strings.TrimSuffix(connectionGrace.String(), "0s")},
		{Name: "GOMEMLIMIT", ValueFrom: &envSource{ResourceFieldRef: &resourceField{"requests.memory"}}},
	}
	if app.hasTokens() {
		keys := tokenKeys(app)
		env = append(env, envVar{Name: envTokenKeys, ValueFrom: &envSource{SecretKeyRef: &keys}})
	}
	return slices.Concat(env, webEnv(app), tlsEnv(app), adminEnv(app))
}

// containerOf returns the container that serves app.
func containerOf(app App) container {
	startup, readiness, liveness := probes(app)
	return container{
		Name:           containerName,
		Image:          app.Image,
		Ports:          portsOf(app),
		Env:            envOf(app),
		Resources:      resources{Requests: quantities{"250m", "128Mi"}, Limits: quantities{"1", "192Mi"}},
		StartupProbe:   startup,
		ReadinessProbe: readiness,
		LivenessProbe:  liveness,
		SecurityContext: containerSecurity{
			ReadOnlyRootFilesystem: true,
			Capabilities:           capabilities{[]string{"ALL"}},
		},
		VolumeMounts: mountsOf(app),
	}
}

// tmpVolume is the name of the volume mounted at /tmp.
const tmpVolume = "tmp"

// connectionAge is the age after which servers close a connection gracefully. Clients then resolve
// the pods again.
const connectionAge = 5 * time.Minute

// connectionGrace is how long calls on such a connection may continue: the runtime's default.
const connectionGrace = 5 * time.Minute
