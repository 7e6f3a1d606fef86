package deploy

// The number of pods per version: at least enough to tolerate the loss of one, with an upper bound.
const (
	minReplicas = 3
	maxReplicas = 10
)

// stabilization is how long the autoscaler waits before it removes pods: the connection age
// with its jitter of 10%, and the delay until calls appear in metrics.
const stabilization = 2 * connectionAge

// autoscaler is an autoscaling/v2 HorizontalPodAutoscaler.
type autoscaler struct {
	object `yaml:",inline"`
	Spec   autoscalerSpec `yaml:"spec"`
}

type autoscalerSpec struct {
	ScaleTargetRef scaleTarget    `yaml:"scaleTargetRef"`
	MinReplicas    int            `yaml:"minReplicas"`
	MaxReplicas    int            `yaml:"maxReplicas"`
	Metrics        []scaledMetric `yaml:"metrics"`
	Behavior       behavior       `yaml:"behavior"`
}

type scaleTarget struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Name       string `yaml:"name"`
}

type behavior struct {
	ScaleDown scaleDown `yaml:"scaleDown"`
}

type scaleDown struct {
	StabilizationWindowSeconds int64 `yaml:"stabilizationWindowSeconds"`
}

type scaledMetric struct {
	Type              string            `yaml:"type"`
	ContainerResource containerResource `yaml:"containerResource"`
}

type containerResource struct {
	Name      string       `yaml:"name"`
	Container string       `yaml:"container"`
	Target    metricTarget `yaml:"target"`
}

type metricTarget struct {
	Type               string `yaml:"type"`
	AverageUtilization int    `yaml:"averageUtilization"`
}

// autoscalerOf returns the HorizontalPodAutoscaler of one version.
func autoscalerOf(app App) manifest {
	return manifest{
		file: "kubernetes/horizontalpodautoscaler.yaml",
		head: "Scales the pods of " + app.Name + " " + app.Version + " by the share of their requested CPU that they use.",
		object: autoscaler{ofRelease(app, "autoscaling/v2", "HorizontalPodAutoscaler"), autoscalerSpec{
			ScaleTargetRef: scaleTarget{"apps/v1", "Deployment", release(app)},
			MinReplicas:    minReplicas,
			MaxReplicas:    maxReplicas,
			Metrics:        []scaledMetric{{"ContainerResource", containerResource{"cpu", containerName, metricTarget{"Utilization", 70}}}},
			Behavior:       behavior{scaleDown{int64(stabilization.Seconds())}},
		}},
		notes: notes{
			"spec.behavior": "Longer than MAX_CONNECTION_AGE in the Deployment: until a new pod receives calls it uses no CPU and looks unneeded.",
			"spec.metrics[0].containerResource.container": "The CPU of a proxy beside the server does not count.",
		},
	}
}

// disruptionBudget is a policy/v1 PodDisruptionBudget.
type disruptionBudget struct {
	object `yaml:",inline"`
	Spec   disruptionBudgetSpec `yaml:"spec"`
}

type disruptionBudgetSpec struct {
	MaxUnavailable             int           `yaml:"maxUnavailable"`
	UnhealthyPodEvictionPolicy string        `yaml:"unhealthyPodEvictionPolicy"`
	Selector                   labelSelector `yaml:"selector"`
}

// disruptionBudgetOf returns the PodDisruptionBudget that limits how many pods of a version a node
// drain evicts at once.
func disruptionBudgetOf(app App) manifest {
	return manifest{
		file: "kubernetes/poddisruptionbudget.yaml",
		head: "While nodes are drained, one pod of " + app.Name + " " + app.Version + " is unavailable at a time.",
		object: disruptionBudget{ofRelease(app, "policy/v1", "PodDisruptionBudget"), disruptionBudgetSpec{
			MaxUnavailable:             1,
			UnhealthyPodEvictionPolicy: "AlwaysAllow",
			Selector:                   labelSelector{podLabels(app)},
		}},
		notes: notes{
			"spec.maxUnavailable":             "Not minAvailable: with more pods it would allow more disruptions, and with that many pods or fewer, none.",
			"spec.unhealthyPodEvictionPolicy": "A pod that is not ready serves no calls, so it does not block a drain.",
		},
	}
}
