package deploy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

// follower is an app that follows the pods of two namespaces.
func follower() deploy.App {
	app := shop()
	app.Namespace, app.EndpointSlices = "web", []string{"library", "billing"}
	return app
}

// TestPermissionDifferences checks the warnings for a user's permissions that do not let the app
// follow EndpointSlices.
func TestPermissionDifferences(t *testing.T) {
	const rbac, deployment = "kubernetes/rbac.yaml", "kubernetes/deployment.yaml"
	const noBinding = "no RoleBinding in the namespace billing has the ServiceAccount shop of the namespace web; add it, or " +
		"remove the namespace from the parameter endpointslices"
	const noRole = "the RoleBinding in the namespace library has no Role that allows to get, list and watch endpointslices " +
		"of discovery.k8s.io; add the rule, or remove the namespace from the parameter endpointslices"
	const noToken = "automountServiceAccountToken is not true, but the parameter endpointslices needs the token of the " +
		"service account; set it to true, and grant the permissions of docs/endpointslices.md"
	one := follower()
	one.EndpointSlices = one.EndpointSlices[:1]
	tests := map[string]struct {
		path     string
		have     deploy.App
		old, new string
		want     []string
		beside   string
	}{
		"unchanged":              {rbac, follower(), "", "", nil, ""},
		"a namespace is new":     {rbac, one, "", "", []string{noBinding}, "apiVersion"},
		"another role":           {rbac, follower(), "name: web.shop.endpointslices\n  namespace: library", "name: mine\n  namespace: library", []string{noRole}, "kind: RoleBinding"},
		"a verb is missing":      {rbac, follower(), "  - watch\n", "", []string{noRole}, "kind: RoleBinding"},
		"all verbs":              {rbac, follower(), "  - get\n  - list\n  - watch\n", "  - '*'\n", nil, ""},
		"another group":          {rbac, follower(), "- discovery.k8s.io", "- ''", []string{noRole}, "kind: RoleBinding"},
		"one slice only":         {rbac, follower(), "  verbs:", "  resourceNames: [books-x]\n  verbs:", []string{noRole}, "kind: RoleBinding"},
		"a cluster role":         {rbac, follower(), "  kind: Role\n", "  kind: ClusterRole\n", nil, ""},
		"no token":               {deployment, follower(), "automountServiceAccountToken: true", "automountServiceAccountToken: false", []string{noToken}, "automount"},
		"the default of tokens":  {deployment, follower(), "automountServiceAccountToken: true", "", []string{noToken}, "serviceAccountName"},
		"a token from elsewhere": {deployment, shop(), "automountServiceAccountToken: false", "automountServiceAccountToken: true", nil, ""},
		"before the parameter":   {deployment, shop(), "", "", []string{noToken}, "automount"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			have := string(filesOf(t, tt.have)[tt.path])
			if !strings.Contains(have, tt.old) {
				t.Fatalf("nothing to replace: %q", tt.old)
			}
			have = strings.Replace(have, tt.old, tt.new, 1)
			found := deploy.Differences(follower(), tt.path, []byte(have), filesOf(t, follower())[tt.path])
			var got []string
			for _, d := range found {
				got = append(got, d.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
			if tt.beside == "" {
				return
			}
			if line := strings.Split(have, "\n")[found[0].Line-1]; !strings.HasPrefix(strings.TrimSpace(line), tt.beside) {
				t.Errorf("%d:%d is %q", found[0].Line, found[0].Column, line)
			}
		})
	}
}

// TestBrokenPermissions checks that a file of another structure gets a warning for each namespace,
// and does not cause a panic.
func TestBrokenPermissions(t *testing.T) {
	want := filesOf(t, follower())["kubernetes/rbac.yaml"]
	for _, have := range []string{
		"", "[]", "null", "1", "kind: RoleBinding", "---\n---\n", "kind: RoleBinding\nmetadata: {namespace: library}\nsubjects: 1",
		"kind: RoleBinding\nmetadata: {namespace: library}\nsubjects: [1, [x], {kind: ServiceAccount}]\nroleRef: []", "a: &a [*a]",
	} {
		if found := deploy.Differences(follower(), "kubernetes/rbac.yaml", []byte(have), want); len(found) != 2 {
			t.Errorf("%q: %v", have, found)
		}
	}
}
