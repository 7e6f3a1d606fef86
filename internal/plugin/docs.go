package plugin

import (
	"github.com/grpcservice/grpcservice/internal/apidoc/pages"
)

// addDocs adds the API reference of each proto package.
func (o *output) addDocs(r run) {
	for _, reference := range r.in.references {
		files, err := pages.Files(reference)
		o.problems.Fail(err)
		for _, page := range files {
			path, err := r.params.place(page.Path)
			o.add(path, page.Content, err)
		}
	}
}
