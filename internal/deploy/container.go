package deploy

import (
	"slices"
	"strings"
)

// containerName is what the app's container is called in its pod, beside a proxy's.
const containerName = "server"

// portName is what the app's port is called. It tells Istio, and others, which protocol is spoken there.
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
}

type containerPort struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
	Protocol      string `yaml:"protocol"`
}

// envVar has either a value or where it is from.
type envVar struct {
	Name      string     `yaml:"name"`
	Value     string     `yaml:"value,omitempty"`
	ValueFrom *envSource `yaml:"valueFrom,omitempty"`
}

// envSource has one of the two.
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

// The variables that the server's main reads its configuration from.
const (
	envAddr            = "ADDR"
	envDrainDelay      = "DRAIN_DELAY"
	envShutdownTimeout = "SHUTDOWN_TIMEOUT"
	envConnectionAge   = "MAX_CONNECTION_AGE"
	envTokenKeys       = "TOKEN_KEYS"
)

// tokenKeys returns where the keys of page tokens are.
func tokenKeys(app App) secretKey { return secretKey{Name: app.Name + "-token-keys", Key: "keys"} }

// hasTokens reports whether a method of app gives out page tokens, or may give out positions.
func (a App) hasTokens() bool {
	return slices.ContainsFunc(a.Services, func(s Service) bool {
		return slices.ContainsFunc(s.Methods, func(m Method) bool {
			return m.Policy.Page.MaxSize > 0 || m.Policy.Subscription.MaxLines > 0
		})
	})
}

// envOf returns the variables of app.
func envOf(app App) []envVar {
	env := []envVar{
		{Name: envAddr, Value: ":" + numbers(app.Port)},
		{Name: envDrainDelay, Value: app.DrainDelay.String()},
		{Name: envShutdownTimeout, Value: app.ShutdownTimeout.String()},
		{Name: envConnectionAge, Value: strings.TrimSuffix(connectionAge.String(), "0s")},
		{Name: "GOMEMLIMIT", ValueFrom: &envSource{ResourceFieldRef: &resourceField{"requests.memory"}}},
	}
	if app.hasTokens() {
		keys := tokenKeys(app)
		env = append(env, envVar{Name: envTokenKeys, ValueFrom: &envSource{SecretKeyRef: &keys}})
	}
	return env
}

// containerOf returns the container that serves app.
func containerOf(app App) container {
	startup, readiness, liveness := probes(app)
	return container{
		Name:           containerName,
		Image:          app.Image,
		Ports:          []containerPort{{portName, app.Port, "TCP"}},
		Env:            envOf(app),
		Resources:      resources{Requests: quantities{"250m", "128Mi"}, Limits: quantities{"1", "192Mi"}},
		StartupProbe:   startup,
		ReadinessProbe: readiness,
		LivenessProbe:  liveness,
		SecurityContext: containerSecurity{
			ReadOnlyRootFilesystem: true,
			Capabilities:           capabilities{[]string{"ALL"}},
		},
		VolumeMounts: []volumeMount{{tmpVolume, "/tmp"}},
	}
}
