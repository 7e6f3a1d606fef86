// Package foreign generates and serves services of repositories that nobody here wrote: OpenTelemetry's, Envoy's and Google Cloud's.
// It is a module of its own, for their modules, and what is generated in gen is what a user of import_path gets.
package foreign
