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
	manifests = append(manifests, rbac(app)...)
	resources := []string{"deployment.yaml", "horizontalpodautoscaler.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml"}
	if app.readsSlices() {
		resources = append(resources, "rbac.yaml")
	}
	resources = append(resources, "service-headless.yaml", "service.yaml", "serviceaccount.yaml")
	return append(manifests, manifest{
		file:   "kubernetes/kustomization.yaml",
		head:   "kubectl apply -k " + app.Dir + "/kubernetes",
		object: kustomizationOf(resources...),
	})
}

// serviceAccount is a v1 ServiceAccount.
type serviceAccount struct {
	object                       `yaml:",inline"`
	AutomountServiceAccountToken bool `yaml:"automountServiceAccountToken"`
}

func serviceAccountOf(app App) manifest {
	permissions := "It has no permissions and no token, because it does not call the Kubernetes API."
	if app.readsSlices() {
		permissions = "Its permissions are those of rbac.yaml. The Deployment mounts its token; other pods with this account have none."
	}
	return manifest{
		file:   "kubernetes/serviceaccount.yaml",
		head:   "The identity of " + app.Name + " in the cluster. " + permissions,
		object: serviceAccount{object: ofApp(app, "v1", "ServiceAccount")},
	}
}
