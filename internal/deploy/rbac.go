package deploy

import "fmt"

// role is an rbac.authorization.k8s.io/v1 Role.
type role struct {
	object `yaml:",inline"`
	Rules  []accessRule `yaml:"rules"`
}

type accessRule struct {
	APIGroups []string `yaml:"apiGroups"`
	Resources []string `yaml:"resources"`
	Verbs     []string `yaml:"verbs"`
}

// roleBinding is an rbac.authorization.k8s.io/v1 RoleBinding.
type roleBinding struct {
	object   `yaml:",inline"`
	RoleRef  roleRef   `yaml:"roleRef"`
	Subjects []subject `yaml:"subjects"`
}

type roleRef struct {
	APIGroup string `yaml:"apiGroup"`
	Kind     string `yaml:"kind"`
	Name     string `yaml:"name"`
}

type subject struct {
	Kind      string `yaml:"kind"`
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`
}

const rbacGroup = "rbac.authorization.k8s.io"

// What a client of runtime/endpointslice reads.
const (
	slicesGroup = "discovery.k8s.io"
	slicesName  = "endpointslices"
)

var slicesVerbs = []string{"get", "list", "watch"}

// readsSlices reports whether the program follows EndpointSlices.
func (app App) readsSlices() bool { return len(app.EndpointSlices) > 0 }

// rbac returns the permissions that a program needs to follow EndpointSlices: a Role and a
// RoleBinding in each namespace, in one file.
func rbac(app App) (manifests []manifest) {
	for _, namespace := range app.EndpointSlices {
		manifests = append(manifests, roleOf(app, namespace), roleBindingOf(app, namespace))
	}
	return manifests
}

// ofForeign returns the common fields of a manifest in another namespace than that of app. The
// name is unique among all apps.
func ofForeign(app App, kind, namespace string) object {
	o := ofApp(app, rbacGroup+"/v1", kind)
	o.Metadata.Name = app.Namespace + "." + app.Name + "." + slicesName
	o.Metadata.Namespace = namespace
	return o
}

func roleOf(app App, namespace string) manifest {
	return manifest{
		file: rbacFile,
		head: fmt.Sprintf("Lets %s follow the pods of the services in the namespace %s, with package "+
			"runtime/endpointslice. Applying it requires the right to grant permissions there.", app.Name, namespace),
		object: role{ofForeign(app, "Role", namespace), []accessRule{
			{APIGroups: []string{slicesGroup}, Resources: []string{slicesName}, Verbs: slicesVerbs},
		}},
	}
}

func roleBindingOf(app App, namespace string) manifest {
	o := ofForeign(app, "RoleBinding", namespace)
	return manifest{
		file: rbacFile,
		head: fmt.Sprintf("Grants the Role to the service account of %s in the namespace %s.",
			app.Name, app.Namespace),
		object: roleBinding{o, roleRef{rbacGroup, "Role", o.Metadata.Name}, []subject{
			{"ServiceAccount", app.Name, app.Namespace},
		}},
	}
}

// endpointSlices reports namespaces that are invalid, repeated or missing.
func (f *faults) endpointSlices(app App) {
	seen := make(map[string]bool)
	for _, namespace := range app.EndpointSlices {
		if !isNamespace(namespace) {
			f.namespace("endpointslices", namespace)
		} else if seen[namespace] {
			f.add("endpointslices: %q is there twice; remove one of them", namespace)
		}
		seen[namespace] = true
	}
	switch {
	case app.Namespace != "" && !isNamespace(app.Namespace):
		f.namespace("namespace", app.Namespace)
	case app.Namespace == "" && app.readsSlices():
		f.add("endpointslices: a RoleBinding needs the namespace of the program; " +
			"add the parameter namespace")
	case app.Namespace != "" && !app.readsSlices():
		f.add("namespace: only the parameter endpointslices uses it; add that, or remove namespace")
	}
}

// namespace reports a name that no namespace has.
func (f *faults) namespace(parameter, name string) {
	f.add("%s: %q is not the name of a namespace; want lower-case letters, digits and hyphens",
		parameter, name)
}

func isNamespace(name string) bool { return namespacePattern.MatchString(name) && len(name) <= 63 }
