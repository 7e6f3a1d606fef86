// Package roles is an authorizer with roles from a YAML file that is read again when it changes:
//
//	version: v1
//	roles:
//	  viewer: [orders.get, orders.list]
//	  clerk: [orders.*]
//	bindings:
//	  - role: clerk
//	    scopes: [shop.clerk]
//	    resources: ["shops/*", "shops/*/orders/*"]
//	  - role: viewer
//	    principals: ["https://id.example.com#*"]
//	    resources: ["users/{principal}/orders/*"]
//
// A server takes it as an option:
//
//	roles, err := roles.Open("/config/roles.yaml")
//	…
//	srv := server.New(server.WithAuthenticator(authenticator), server.WithAuthorizer(roles))
//
// A principal has a permission on a resource if a binding grants it: the principal is one of the
// binding's, it has one of the binding's scopes, one of the patterns matches the resource, and the
// role has the permission. A binding that lists both principals and scopes requires both. Nothing
// else grants a permission, and nothing takes one away.
//
// docs/authorization.md describes the file.
package roles
