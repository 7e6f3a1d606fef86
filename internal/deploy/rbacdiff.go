package deploy

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// rbac checks that each namespace of the parameter has a RoleBinding for the service account of the
// app, and that its Role has the rule that a client of EndpointSlices needs.
func (d *differ) rbac(have, want []*yaml.Node) {
	for _, wanted := range want {
		if value(field(wanted, "kind")) != "RoleBinding" {
			continue
		}
		namespace := value(field(wanted, "metadata", "namespace"))
		account := elements(field(wanted, "subjects"))[0]
		roles, bindings := inNamespaceOf(have, "Role", namespace), bindingsOf(have, namespace, account)
		if len(bindings) == 0 {
			d.add(have[0], "no RoleBinding in the namespace %s has the ServiceAccount %s of the "+
				"namespace %s; add it, or remove the namespace from the parameter endpointslices",
				namespace, value(field(account, "name")), value(field(account, "namespace")))
		} else if !slices.ContainsFunc(bindings, func(b *yaml.Node) bool { return grantsSlices(b, roles) }) {
			d.add(field(bindings[0], "kind"), "the RoleBinding in the namespace %s has no Role that "+
				"allows to get, list and watch endpointslices of %s; add the rule, or remove the "+
				"namespace from the parameter endpointslices", namespace, slicesGroup)
		}
	}
}

// inNamespaceOf returns the documents of a kind in a namespace.
func inNamespaceOf(docs []*yaml.Node, kind, namespace string) (found []*yaml.Node) {
	for _, doc := range docs {
		if value(field(doc, "kind")) == kind && value(field(doc, "metadata", "namespace")) == namespace {
			found = append(found, doc)
		}
	}
	return found
}

// bindingsOf returns the RoleBindings of a service account in a namespace.
func bindingsOf(docs []*yaml.Node, namespace string, account *yaml.Node) []*yaml.Node {
	return slices.DeleteFunc(inNamespaceOf(docs, "RoleBinding", namespace),
		func(binding *yaml.Node) bool { return !binds(binding, account) })
}

// binds reports whether a RoleBinding has a service account.
func binds(binding, account *yaml.Node) bool {
	return slices.ContainsFunc(elements(field(binding, "subjects")), func(s *yaml.Node) bool {
		return value(field(s, "kind")) == "ServiceAccount" &&
			value(field(s, "name")) == value(field(account, "name")) &&
			value(field(s, "namespace")) == value(field(account, "namespace"))
	})
}

// grantsSlices reports whether a RoleBinding has a Role that allows all that a client of
// EndpointSlices does. A ClusterRole is elsewhere, and the user's decision.
func grantsSlices(binding *yaml.Node, roles []*yaml.Node) bool {
	if value(field(binding, "roleRef", "kind")) == "ClusterRole" {
		return true
	}
	return slices.ContainsFunc(roles, func(role *yaml.Node) bool {
		return nameOf(field(role, "metadata")) == value(field(binding, "roleRef", "name")) &&
			slices.ContainsFunc(elements(field(role, "rules")), allowsSlices)
	})
}

// allowsSlices reports whether a rule allows all that a client of EndpointSlices does.
func allowsSlices(rule *yaml.Node) bool {
	has := func(list, name string) bool {
		return slices.ContainsFunc(elements(field(rule, list)), func(element *yaml.Node) bool {
			return value(element) == name || value(element) == "*"
		})
	}
	return has("apiGroups", slicesGroup) && has("resources", slicesName) &&
		len(elements(field(rule, "resourceNames"))) == 0 &&
		!slices.ContainsFunc(slicesVerbs, func(verb string) bool { return !has("verbs", verb) })
}

// token checks that the pods have the token that a client of EndpointSlices needs.
func (d *differ) token(have, want *yaml.Node) {
	const name = "automountServiceAccountToken"
	if value(field(want, name)) != "true" || value(field(have, name)) == "true" {
		return
	}
	at := field(have, name)
	if at == nil {
		at = have
	}
	d.add(at, "%s is not true, but the parameter endpointslices needs the token of the service "+
		"account; set it to true, and grant the permissions of docs/endpointslices.md", name)
}
