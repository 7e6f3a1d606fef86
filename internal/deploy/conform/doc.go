// Package conform contains only tests: they check the files that package deploy writes against the
// types, schemas and tools of Kubernetes and Istio. It is a separate module because of its
// dependencies.
package conform
