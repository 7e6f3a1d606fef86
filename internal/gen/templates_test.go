package gen

import (
	"slices"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/gen/typecheck"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// TestOurTemplates checks the built-in templates like a user's, and checks that each of them is
// executed.
func TestOurTemplates(t *testing.T) {
	l, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	called := make(map[string]bool)
	for _, entry := range entries() {
		typecheck.Check(entry, func(name string) *parse.Tree {
			called[name] = true
			return l.lookup(name)
		})
	}
	homes := homesOf(TemplateNames())
	for name, tree := range l.trees {
		definesOnly := []string{"signature.go.tmpl", "pattern.go.tmpl"}
		if !called[name] && !slices.Contains(definesOnly, name) {
			t.Errorf("nothing executes the template %s", name)
		}
		if file := homes[name]; file != tree.ParseName {
			t.Errorf("the template %s is looked for in %s, and %s defines it", name, file, tree.ParseName)
		}
	}
}

// own returns a user's template of the current version.
func own(name, text string) UserTemplate {
	return UserTemplate{Path: "tmpl/" + name, Text: VersionLine() + "\n" + text}
}

func TestLoadTemplatesErrors(t *testing.T) {
	names := strings.Join(kindsOfTemplates(), ", ")
	for _, tt := range []struct {
		name string
		user []UserTemplate
		want string
	}{
		{"unknown name", []UserTemplate{own("clients.go.tmpl", "")}, "tmpl/clients.go.tmpl: it replaces no template; rename it to one of " + names},
		{"no version", []UserTemplate{{Path: "tmpl/name.go.tmpl", Text: "\n" + VersionLine()}},
			"tmpl/name.go.tmpl:1:1: it does not start with the version of templates that it is written for; make {{- /* templates: v1 */ -}} its first line"},
		{"newer version", []UserTemplate{{Path: "tmpl/name.go.tmpl", Text: "{{/* templates: v2 */}}"}},
			"tmpl/name.go.tmpl:1:1: it is written for version 2 of templates, and this plugin has version 1; install a newer plugin"},
		{"no such version", []UserTemplate{{Path: "tmpl/name.go.tmpl", Text: "{{/* templates: v0 */}}"}},
			"tmpl/name.go.tmpl:1:1: version 0 of templates does not exist; use version 1, that of this plugin"},
		{"syntax", []UserTemplate{own("name.go.tmpl", "const\n  {{if .Name}}\n")}, "tmpl/name.go.tmpl:4:1: unexpected EOF"},
		{"syntax of an action", []UserTemplate{own("name.go.tmpl", "const\r\n  {{.Name | 3}}\r\n")}, "tmpl/name.go.tmpl:3:3: non executable command in pipeline stage 2"},
		{"unknown function", []UserTemplate{own("name.go.tmpl", "{{upper .Name}}")}, "tmpl/name.go.tmpl:2:3: there is no function upper here; there are arguments, client, close, context, duration, field, gogrpc, grpc, helper, ident, literal, open, quote, runtime, server, servicetest, slog, strings, testing, and those of text/template"},
		{"undefined variable", []UserTemplate{own("name.go.tmpl", "{{$x}}")}, `tmpl/name.go.tmpl:2:1: undefined variable "$x"`},
		{"several files", []UserTemplate{own("name.go.tmpl", "{{"), own("nam.go.tmpl", "")},
			"tmpl/name.go.tmpl:2:1: unclosed action\ntmpl/nam.go.tmpl: it replaces no template; rename it to one of " + names},
		{"unknown field", []UserTemplate{own("reasons.go.tmpl", "{{range .Values}}\n{{if false}}{{.Nme}}{{end}}{{end}}")},
			"tmpl/reasons.go.tmpl:3:15: there is no Nme in Reason, which has Doc, Name, Value"},
		{"missing define", []UserTemplate{own("signature.go.tmpl", `{{define "types"}}{{end}}{{define "params"}}{{end}}{{define "deprecated"}}{{end}}`)},
			`tmpl/signature.go.tmpl:1:1: it does not define "arg", which the template that it replaces defines and other templates call; define it`},
		{"define of ours", []UserTemplate{own("name.go.tmpl", `{{define "arg"}}x{{end}}`)},
			`tmpl/name.go.tmpl: it defines "arg", which signature.go.tmpl also defines; choose another name, or replace that file`},
		{"define of another", []UserTemplate{own("name.go.tmpl", `{{define "x"}}x{{end}}`), own("serve.go.tmpl", `{{define "x"}}x{{end}}`)},
			`tmpl/name.go.tmpl: it defines "x", which tmpl/serve.go.tmpl also defines; choose another name, or replace that file`},
		{"define of a file", []UserTemplate{own("name.go.tmpl", `{{define "serve.go.tmpl"}}x{{end}}`)},
			`tmpl/name.go.tmpl: it defines "serve.go.tmpl", which serve.go.tmpl also defines; choose another name, or replace that file`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := LoadTemplates(tt.user...)
			if err == nil {
				t.Fatal("there is no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// file returns the model of a file whose service has no RPCs.
func file() model.File {
	service := golang.Ident{Name: "Books", Package: "booksservice", Path: "example.com/booksservice"}
	descriptor := golang.Ident{Name: "File_books_proto", Package: "books", Path: "example.com/books"}
	return model.File{
		Source: "books.proto", Descriptor: descriptor,
		Service: model.Output{Package: "booksservice", Path: "example.com/booksservice", File: "booksservice/books.grpcservice.go", Doc: "Package booksservice."},
		Services: []model.Service{{Name: "Books", FullName: "Books", Doc: []string{"Books has books."}, Descriptor: descriptor, Names: model.Names{
			Interface: service, Unimplemented: service, Register: service, NewClient: service, NameConst: "BooksName", Table: "table", Client: "client", Config: "BooksConfig",
		}}},
	}
}

// TestUserTemplate checks that a user's template, even an empty one, replaces the built-in template
// of the same name and no other.
func TestUserTemplate(t *testing.T) {
	ours, err := LoadTemplates()
	if err != nil {
		t.Fatal(err)
	}
	before, err := ours.Service(file())
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadTemplates(
		own("config.go.tmpl", ""),
		own("name.go.tmpl", "{{template `constant` .}}\n{{define `constant`}}\r\n// It has a name.\r\nconst {{.NameConst}} = {{quote .FullName}}\n{{end}}"),
	)
	if err != nil {
		t.Fatal(err)
	}
	after, err := loaded.Service(file())
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(before), "BooksName is the full name of Books, as health checks, logs and policies spell it.", "It has a name.", 1)
	config := want[strings.Index(want, "// BooksConfig"):]
	want = strings.Replace(want, "\n"+config, "", 1)
	if diff := cmp.Diff(want, string(after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUserTemplateFails checks the errors of templates that load but fail to execute or write
// invalid Go.
func TestUserTemplateFails(t *testing.T) {
	for _, tt := range []struct{ name, file, text, want string }{
		{"execution", "name.go.tmpl", "\n\n  {{index .Doc 3}}", "tmpl/name.go.tmpl:4:5: executing \"name.go.tmpl\" at <index .Doc 3>: error calling index: index out of range: 3"},
		{"text", "name.go.tmpl", "const (\n{{.NameConst}} = 1\nvar x\n)", `tmpl/name.go.tmpl:4:1: its output does not parse at line `},
		{"define", "name.go.tmpl", "{{template `x`}}{{define `x`}}\n\nfunc 1\n{{end}}", `tmpl/name.go.tmpl:4:1: its output does not parse at line `},
		{"action", "name.go.tmpl", "const\n{{range .Doc}}\n{{if .}}  {{quote .}}{{end}}{{end}}", `tmpl/name.go.tmpl:4:13: its output does not parse at line `},
		{"header", "header.go.tmpl", "package\n{{.Package}} {{.Doc}}", `tmpl/header.go.tmpl:3:16: its output does not parse at line `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loaded, err := LoadTemplates(own(tt.file, tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := loaded.Service(file()); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %s…", err, tt.want)
			} else {
				t.Log(err)
			}
		})
	}
}
