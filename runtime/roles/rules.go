package roles

import (
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/runtime"
)

// rules are the content of a file, compiled.
type rules struct {
	roles map[string]*role
	// byID are the bindings of principals by their whole ID, others all other bindings.
	byID   map[string][]*binding
	others []*binding
}

// role is a set of permissions.
type role struct {
	all      bool            // whether it has every permission
	names    map[string]bool // of permissions
	prefixes map[string]bool // "orders." of orders.*
}

// binding grants a role.
type binding struct {
	role     *role
	ids      []string // of principals; empty if prefixes are, too
	prefixes []string // of the IDs of principals: "https://id.example.com#"
	scopes   []string // of which a principal needs one; empty for none
	patterns []pattern
}

// has reports whether a role has a permission.
func (r *role) has(permission string) bool {
	if r.all || r.names[permission] {
		return true
	}
	for i := range len(permission) {
		if isSeparator(permission[i]) && r.prefixes[permission[:i+1]] {
			return true
		}
	}
	return false
}

// isSeparator reports whether c separates the words of a permission.
func isSeparator(c byte) bool { return c == '.' || c == ':' || c == '/' }

// knows reports whether a role has a permission.
func (r *rules) knows(permission string) bool {
	for _, role := range r.roles {
		if role.has(permission) {
			return true
		}
	}
	return false
}

// decide sets allowed[i] if a principal has a permission on resource i.
func (r *rules) decide(
	principal *runtime.Principal, permission string, resources []string, allowed []bool,
) {
	if principal == nil || principal.ID == "" {
		return
	}
	for _, b := range r.byID[principal.ID] {
		b.grant(principal, principal.ID, permission, resources, allowed)
	}
	for _, b := range r.others {
		if len(b.ids)+len(b.prefixes) == 0 { // of all principals with a scope
			b.grant(principal, principal.ID, permission, resources, allowed)
		}
		for _, prefix := range b.prefixes {
			if rest, ok := strings.CutPrefix(principal.ID, prefix); ok && rest != "" {
				b.grant(principal, rest, permission, resources, allowed)
			}
		}
	}
}

// grant sets allowed[i] if the binding grants a principal a permission on resource i. variable is
// the value of {principal} in its patterns.
func (b *binding) grant(
	principal *runtime.Principal, variable, permission string, resources []string, allowed []bool,
) {
	if !b.role.has(permission) {
		return
	}
	if len(b.scopes) > 0 && !slices.ContainsFunc(b.scopes, principal.HasScope) {
		return
	}
	for i, resource := range resources {
		if !allowed[i] && isName(resource) {
			allowed[i] = b.matches(resource, variable)
		}
	}
}

// matches reports whether a pattern of the binding matches a valid name of a resource.
func (b *binding) matches(resource, variable string) bool {
	for i := range b.patterns {
		if b.patterns[i].matches(resource, variable) {
			return true
		}
	}
	return false
}
