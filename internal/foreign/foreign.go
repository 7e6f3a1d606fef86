// Package foreign generates services of third-party repositories: OpenTelemetry's, Envoy's and
// Google Cloud's. It is a separate module, because it needs their modules. gen holds what a user
// of import_path gets; its tests are in serve, so that those here can generate gen when it is
// missing or does not compile.
package foreign
