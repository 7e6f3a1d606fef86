package policy

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// permissionProblems returns what is wrong with the permission of a method: a field that does not
// exist or cannot name a resource, also if the options of the service name it, because the method
// would be unprotected without it.
func permissionProblems(
	method protoreflect.MethodDescriptor, p policy.Permission, found pattern.Result,
	merged *grpcservicev1.Policy, sources []source,
) (problems diag.List) {
	if p.Name == "" {
		return nil
	}
	const (
		resource = "permission.resource"
		inherit  = "permission.inherit"
		hide     = "permission.hide_existence"
	)
	report := func(by, field, text string) {
		lastToSet(sources, by).report(&problems, policy.Fault{Field: field, Text: text})
	}
	path, fault := policy.ResourcePath(method.Input(), p)
	if fault != nil {
		report(resource, resource, fault.Text)
		return problems
	}
	why := policy.NeedsInherit(path)
	if method.IsStreamingClient() && why != "" && merged.GetPermission().Inherit == nil {
		report(resource, inherit, why)
	}
	if shown := showsMissing(found); p.HideExistence && shown != "" {
		report(hide, hide, shown)
	}
	return problems
}

// showsMissing returns why the responses of a batch show which items do not exist, or "".
func showsMissing(found pattern.Result) string {
	match, ok := found.Match("batch")
	if !ok {
		return ""
	}
	mode := match.Found.Fields()["mode"]
	if mode != "keyed" && mode != "per_item" {
		return ""
	}
	return fmt.Sprintf("the responses of this batch (mode %s) show which items do not exist, so the "+
		"existence of the others cannot be hidden; remove it, or leave items out in the method "+
		"(permission.Allowed)", mode)
}
