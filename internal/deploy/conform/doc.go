// Package conform has nothing but tests: the types, schemas and tools of Kubernetes and Istio judge the files that package
// deploy writes. It is a module of its own because of what they depend on.
package conform
