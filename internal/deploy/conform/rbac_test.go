package conform_test

import (
	"bytes"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validation/path"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grpcservice/grpcservice/internal/deploy"
)

const rbacFile = "kubernetes/rbac.yaml"

// checkPermissions checks that an app that follows EndpointSlices may do so in each namespace, and
// nothing else, and that other apps have no permissions.
func checkPermissions(t *testing.T, app deploy.App, files map[string][]byte, account string) {
	t.Helper()
	if _, ok := files[rbacFile]; ok != (len(app.EndpointSlices) > 0) {
		t.Fatalf("has %s: %v, with endpointslices %q", rbacFile, ok, app.EndpointSlices)
	} else if !ok {
		return
	}
	docs := bytes.Split(files[rbacFile], []byte("\n---\n"))
	if len(docs) != 2*len(app.EndpointSlices) {
		t.Fatalf("%d documents for the namespaces %q", len(docs), app.EndpointSlices)
	}
	for i, namespace := range app.EndpointSlices {
		role := decodeText[rbacv1.Role](t, rbacFile, docs[2*i])
		binding := decodeText[rbacv1.RoleBinding](t, rbacFile, docs[2*i+1])
		for kind, is := range map[string]metav1.TypeMeta{"Role": role.TypeMeta, "RoleBinding": binding.TypeMeta} {
			if is != (metav1.TypeMeta{Kind: kind, APIVersion: "rbac.authorization.k8s.io/v1"}) {
				t.Errorf("the %s is of %+v", kind, is)
			}
		}
		for _, o := range []metav1.ObjectMeta{role.ObjectMeta, binding.ObjectMeta} {
			if faults := path.IsValidPathSegmentName(o.Name); len(faults) > 0 || len(o.Name) > 253 || o.Namespace != namespace {
				t.Errorf("%q in the namespace %q, want %q: %q", o.Name, o.Namespace, namespace, faults)
			}
		}
		if rule := role.Rules[0]; len(role.Rules) != 1 || !slices.Equal(rule.APIGroups, []string{"discovery.k8s.io"}) ||
			!slices.Equal(rule.Resources, []string{"endpointslices"}) || !slices.Equal(rule.Verbs, []string{"get", "list", "watch"}) {
			t.Errorf("the Role allows %v", role.Rules)
		}
		if ref := binding.RoleRef; ref.APIGroup != rbacv1.GroupName || ref.Kind != role.Kind || ref.Name != role.Name {
			t.Errorf("the RoleBinding is of %v", ref)
		}
		want := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: app.Namespace}
		if !slices.Equal(binding.Subjects, []rbacv1.Subject{want}) {
			t.Errorf("the RoleBinding is for %v, want %v", binding.Subjects, want)
		}
	}
}
