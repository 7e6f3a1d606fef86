// Package conform parses API references as their readers' programs do: Markdown as GitHub does,
// and HTML as a browser does.
package conform
