package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"strings"
	"time"
)

//go:embed pages/*.html
var files embed.FS

//go:embed pages/style.css
var styles string

// pages are the templates of the pages.
var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"ago":     ago,
	"rounded": rounded,
	"utc":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"short":   func(method string) string { return strings.TrimPrefix(method, "/") },
	"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05") },
}).ParseFS(files, "pages/*.html"))

// stylesheet returns the style of the pages, and a policy that permits it and nothing else.
func stylesheet() (style template.CSS, policy string) {
	hash := sha256.Sum256([]byte(styles))
	return template.CSS(styles), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
