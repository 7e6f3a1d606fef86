// Package templates holds the text of the generated code, one file for each section of it.
//
// service.go.tmpl, test.go.tmpl and gogrpc.go.tmpl are the files that are generated; they give the
// order of the sections. The sections render the structs of internal/model, and decide nothing.
//
// package.md.tmpl, service.md.tmpl and page.html.tmpl are the pages of API references. They render
// the structs of internal/apidoc.
package templates

import "embed"

// FS holds the templates by their file names.
//
//go:embed *.go.tmpl *.md.tmpl *.html.tmpl
var FS embed.FS
