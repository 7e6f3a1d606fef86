package deploy

// kubernetes returns the manifests that need no mesh.
func kubernetes(app App) []manifest {
	manifests := []manifest{
		deploymentOf(app),
		serviceOf(app),
		headlessOf(app),
		autoscalerOf(app),
		disruptionBudgetOf(app),
		networkPolicyOf(app),
		serviceAccountOf(app),
	}
	return append(manifests, manifest{
		file: "kubernetes/kustomization.yaml",
		head: "kubectl apply -k " + app.Dir + "/kubernetes",
		object: kustomizationOf("deployment.yaml", "horizontalpodautoscaler.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml",
			"service-headless.yaml", "service.yaml", "serviceaccount.yaml"),
	})
}

// serviceAccount is a v1 ServiceAccount.
type serviceAccount struct {
	object                       `yaml:",inline"`
	AutomountServiceAccountToken bool `yaml:"automountServiceAccountToken"`
}

func serviceAccountOf(app App) manifest {
	return manifest{
		file:   "kubernetes/serviceaccount.yaml",
		head:   "The identity of " + app.Name + " in the cluster. It has no permissions and no token, because it does not call the Kubernetes API.",
		object: serviceAccount{object: ofApp(app, "v1", "ServiceAccount")},
	}
}
