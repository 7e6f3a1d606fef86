package deploy

// deployment is an apps/v1 Deployment, with the fields that an app needs.
type deployment struct {
	object `yaml:",inline"`
	Spec   deploymentSpec `yaml:"spec"`
}

type deploymentSpec struct {
	Selector labelSelector `yaml:"selector"`
	Strategy strategy      `yaml:"strategy"`
	Template podTemplate   `yaml:"template"`
}

type strategy struct {
	Type          string        `yaml:"type"`
	RollingUpdate rollingUpdate `yaml:"rollingUpdate"`
}

type rollingUpdate struct {
	MaxSurge       int `yaml:"maxSurge"`
	MaxUnavailable int `yaml:"maxUnavailable"`
}

type podTemplate struct {
	Metadata metadata `yaml:"metadata"`
	Spec     podSpec  `yaml:"spec"`
}

type podSpec struct {
	ServiceAccountName            string             `yaml:"serviceAccountName"`
	AutomountServiceAccountToken  bool               `yaml:"automountServiceAccountToken"`
	EnableServiceLinks            bool               `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int64              `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               podSecurity        `yaml:"securityContext"`
	TopologySpreadConstraints     []spreadConstraint `yaml:"topologySpreadConstraints"`
	Containers                    []container        `yaml:"containers"`
	Volumes                       []volume           `yaml:"volumes"`
}

// volume has either of the two sources.
type volume struct {
	Name     string        `yaml:"name"`
	EmptyDir *emptyDir     `yaml:"emptyDir,omitempty"`
	Secret   *secretVolume `yaml:"secret,omitempty"`
}

type secretVolume struct {
	SecretName string `yaml:"secretName"`
}

type emptyDir struct {
	SizeLimit string `yaml:"sizeLimit"`
}

type podSecurity struct {
	RunAsNonRoot   bool    `yaml:"runAsNonRoot"`
	RunAsUser      int     `yaml:"runAsUser"`
	RunAsGroup     int     `yaml:"runAsGroup"`
	SeccompProfile seccomp `yaml:"seccompProfile"`
}

type seccomp struct {
	Type string `yaml:"type"`
}

type spreadConstraint struct {
	MaxSkew           int           `yaml:"maxSkew"`
	TopologyKey       string        `yaml:"topologyKey"`
	WhenUnsatisfiable string        `yaml:"whenUnsatisfiable"`
	LabelSelector     labelSelector `yaml:"labelSelector"`
	MatchLabelKeys    []string      `yaml:"matchLabelKeys"`
}

// deploymentOf returns the Deployment of one version of app.
func deploymentOf(app App) manifest {
	labels := podLabels(app)
	d := deployment{object: ofRelease(app, "apps/v1", "Deployment")}
	d.Spec = deploymentSpec{
		Selector: labelSelector{labels},
		Strategy: strategy{"RollingUpdate", rollingUpdate{MaxSurge: 1, MaxUnavailable: 0}},
		Template: podTemplate{
			Metadata: metadata{Labels: labels, Annotations: podAnnotations(app)},
			Spec: podSpec{
				ServiceAccountName:            app.Name,
				AutomountServiceAccountToken:  app.readsSlices(),
				TerminationGracePeriodSeconds: gracePeriod(app),
				SecurityContext:               podSecurity{RunAsNonRoot: true, RunAsUser: user, RunAsGroup: user, SeccompProfile: seccomp{"RuntimeDefault"}},
				TopologySpreadConstraints:     []spreadConstraint{spread("topology.kubernetes.io/zone", labels), spread("kubernetes.io/hostname", labels)},
				Containers:                    []container{containerOf(app)},
				Volumes:                       volumesOf(app),
			},
		},
	}
	head := "Runs " + app.Name + " " + app.Version + ". Another version runs beside it as a separate Deployment"
	if !app.tls() {
		head += "; see istio/ or gateway/"
	}
	return manifest{
		file:   deploymentFile,
		head:   head + ".",
		object: d,
		notes:  deploymentNotes(app),
	}
}

// deploymentNotes returns the comments of a Deployment.
func deploymentNotes(app App) notes {
	n := notes{
		"spec.selector": "replicas is unset: the HorizontalPodAutoscaler sets it, and each apply of this file would override that.",
		"spec.template.spec.terminationGracePeriodSeconds": graceNote(app) + "\nThere is no preStop hook: the server itself keeps accepting calls while load balancers remove it.",
		"spec.template.spec.containers[0].env[3]":          "Clients without a mesh resolve pods again when a connection closes, so pods that the autoscaler adds receive calls after this time, plus or minus 10%.",
		"spec.template.spec.containers[0].env[4]":          graceOfAgeNote,
		"spec.template.spec.containers[0].env[5]":          "The garbage collector works harder above the requested memory, well before the limit at which the kernel kills the pod. GOMAXPROCS is unset: Go follows the CPU limit.",
		"spec.template.spec.topologySpreadConstraints":     spreadNote,
		"spec.template.spec.volumes":                       "The root of the file system is read-only. A pod that writes more than this to /tmp is evicted.",
		"spec.template.spec.containers[0].resources":       "Starting values; measure and adjust them.",
		"spec.template.spec.containers[0].startupProbe":    "The health service reports SERVING for its own name as soon as the server responds. This probe does not check whether the services can work.",
		"spec.template.spec.containers[0].readinessProbe":  readinessNote(app),
		"spec.template.spec.containers[0].livenessProbe":   "Only a server that no longer responds is restarted. A restart would not help one whose database is unavailable.",
	}
	if app.tls() {
		env := len(envOf(app)) - len(tlsEnv(app)) - len(adminEnv(app))
		n["spec.template.spec.containers[0].env["+numbers(env)+"]"] = tlsNote(app)
		n["spec.template.spec.containers[0].startupProbe"] += "\n" + probeNote
		n["spec.template.spec.volumes[1]"] = "Do not mount its files with subPath: such mounts never change."
	} else {
		n["spec.template.metadata.annotations."+proxyConfigKey] = "Only Istio reads this: its proxy starts before the server and stops after the server has drained."
	}
	if app.web() {
		env := len(envOf(app)) - len(webEnv(app)) - len(tlsEnv(app)) - len(adminEnv(app))
		n["spec.template.spec.containers[0].env["+numbers(env)+"]"] = webNote
	}
	if app.Monitoring {
		n["spec.template.spec.containers[0].env["+numbers(len(envOf(app))-1)+"]"] = adminNote
	}
	if app.Monitoring && !app.tls() {
		n["spec.template.metadata.annotations."+excludePortsKey] = "Prometheus is not in the mesh, so its proxy would reject it where mutual TLS is required."
	}
	if app.readsSlices() {
		n["spec.template.spec.automountServiceAccountToken"] = "The program follows EndpointSlices with this token; rbac.yaml has its permissions."
	}
	if app.hasTokens() {
		n["spec.template.spec.containers[0].env[6]"] = "All pods need the same keys, or one pod cannot read the page tokens and positions of another. Create them once, from 32 random bytes:\n" +
			"kubectl create secret generic " + tokenKeys(app).Name + " --from-literal=" + tokenKeys(app).Key + "=\"$(openssl rand -base64 32)\""
	}
	return n
}

// spread places the pods of one revision of a version apart where possible.
func spread(key string, labels map[string]string) spreadConstraint {
	return spreadConstraint{
		MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: "ScheduleAnyway",
		LabelSelector:  labelSelector{labels},
		MatchLabelKeys: []string{"pod-template-hash"},
	}
}

// graceOfAgeNote is the comment above the grace of aged connections.
const graceOfAgeNote = "The connection is closed with a GOAWAY: new calls use another one, and calls that run may " +
	"take this long to finish. Streams that take longer are cut, and reconnect."

// spreadNote is the comment above the constraints.
const spreadNote = "The loss of a zone or a node takes as few pods as possible. ScheduleAnyway: a pod " +
	"starts even if a zone has no room left.\npod-template-hash counts only the pods of the same rollout: those that it " +
	"replaces would distort the spread of the new ones. It requires Kubernetes 1.27."
