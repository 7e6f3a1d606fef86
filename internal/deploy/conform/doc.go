// Package conform contains only tests: they check the files of package deploy against the types,
// schemas and tools of Kubernetes, Istio and the Gateway API. It is a separate module because of
// its dependencies.
package conform
