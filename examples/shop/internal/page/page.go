// Package page is a page for browsers: it lists products, pages through users, follows a room and
// sends to it. It uses fetch, without a framework and without a build.
package page

import (
	"embed"
	"net/http"
)

//go:embed index.html shop.js
var files embed.FS

// policy lets the page use its own files and the services beside it, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; " +
	"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page at "/".
func Handler() http.Handler {
	pages := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		pages.ServeHTTP(w, r)
	})
}
