// Package pages writes API references as Markdown and HTML. Package apidoc decides what they say,
// package templates has their layout, and this package escapes.
package pages

import (
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/apidoc"
)

// File is a page.
type File struct {
	Path    string // relative to the output directory
	Content []byte
}

// Files returns the pages of a reference: in Markdown one of all services and one of each, and in
// HTML one of everything.
func Files(r apidoc.Reference) ([]File, error) {
	anchors := make(map[string]string)
	var files []File
	for _, s := range r.Services {
		page, err := markdown("service.md.tmpl", servicePage{s, r}, nil)
		if err != nil {
			return nil, err
		}
		for ref, anchor := range page.anchors {
			anchors[ref] = ServicePage(s) + "#" + anchor
		}
		files = append(files, File{path.Join(r.Dir, ServicePage(s)), page.text})
	}
	page, err := markdown("package.md.tmpl", packagePage{r}, anchors)
	if err != nil {
		return nil, err
	}
	files = append(files, File{path.Join(r.Dir, r.Stem()+".md"), page.text})
	content, err := html(r)
	if err != nil {
		return nil, err
	}
	files = append(files, File{path.Join(r.Dir, r.Stem()+".html"), content})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// ServicePage returns the name of the Markdown page of a service.
func ServicePage(s apidoc.Service) string { return s.FullName + ".md" }

// packagePage is the data of package.md.tmpl.
type packagePage struct{ apidoc.Reference }

// servicePage is the data of service.md.tmpl.
type servicePage struct {
	apidoc.Service
	Reference apidoc.Reference
}
