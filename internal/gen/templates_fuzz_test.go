package gen

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/templates"
)

// FuzzLoadTemplates checks that no template makes the plugin panic, and that every error in a
// template has a position.
func FuzzLoadTemplates(f *testing.F) {
	for _, name := range TemplateNames() {
		text, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("{{range $i, $m := .Methods}}{{$m.Kind | printf `%v` | len}}{{(index $.Methods $i).Doc | print}}{{break}}{{end}}{{with nil}}{{end}}")
	f.Add("{{define `x`}}{{template `x` .X}}{{end}}{{template `x` .}}{{$x := 1}}{{$x = .}}{{1.5 | .Name 0x1p4 'a' 1i}}{{and}}{{slice 1}}{{.Policy.Timeout.Seconds}}")
	f.Fuzz(func(t *testing.T, text string) {
		loaded, err := LoadTemplates(own("name.go.tmpl", text))
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.Contains(line, ".go.tmpl:") && strings.HasPrefix(line, "tmpl/") {
					t.Errorf("the error has no place: %s", line)
				}
			}
			return
		}
		if len(text) < 200 && !strings.Contains(text, "range") { // a range may not terminate
			_, _ = loaded.Service(file())
		}
	})
}
