package typecheck

import (
	"reflect"
	"strings"
	"testing"
	"text/template"
	"text/template/parse"
)

type shelf struct {
	label
	Name   string
	Books  []book
	ByName map[string]*book
	First  *book
	Any    any
	hidden string
}

type label struct{ Color color }

type color int

func (color) String() string { return "red" }

type book struct{ Title string }

func (book) Pages(from int, more ...int) int { return from }

func (*book) OnPointer() string { return "" }

var functions = template.FuncMap{
	"upper":  strings.ToUpper,
	"titles": func(b book) string { return b.Title },
	"join":   func(separator string, list ...string) (string, error) { return strings.Join(list, separator), nil },
	"shelf":  func() shelf { return shelf{} },
}

// check returns the faults of a template, one per line.
func check(t *testing.T, text string) string {
	t.Helper()
	set, err := template.New("main").Funcs(functions).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	faults := Check(Entry{Template: "main", Data: reflect.TypeFor[shelf](), Functions: functions}, func(name string) *parse.Tree {
		if tmpl := set.Lookup(name); tmpl != nil {
			return tmpl.Tree
		}
		return nil
	})
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.Text)
	}
	return strings.Join(lines, "\n")
}

// run executes a template with data that is not empty.
func run(t *testing.T, text string) error {
	t.Helper()
	first := &book{"a"}
	data := shelf{Name: "n", Books: []book{*first}, ByName: map[string]*book{"a": first}, First: first, Any: first, hidden: "h"}
	return template.Must(template.New("main").Funcs(functions).Parse(text)).Execute(new(strings.Builder), data)
}

func TestSound(t *testing.T) {
	for _, text := range []string{
		"", "text {{/* comment */}}", "{{.Name}}{{$.Name}}{{.Color}}{{.First.Title}}", "{{with .First}}{{.Title}}{{.OnPointer}}{{else}}{{.Name}}{{end}}",
		"{{range .Books}}{{.Title}}{{.Pages 1}}{{.Pages 1 2 3}}{{1 | .Pages}}{{$.Name}}{{else}}{{.Name}}{{end}}",
		"{{range $i, $b := .Books}}{{$i}}{{$b.Title}}{{.Title}}{{break}}{{end}}", "{{range $n, $b := .ByName}}{{$n}}{{$b.Title}}{{continue}}{{end}}",
		"{{range 3}}{{.}}{{end}}", "{{range $i := .Books}}{{$i.Title}}{{end}}", "{{.ByName.a.Title}}", "{{.Any.Title}}{{with .Any}}{{.Title}}{{end}}",
		"{{upper .Name}}{{.Name | upper | upper}}{{upper (print 1 .Name)}}{{join `,` .Name `x`}}{{join `,`}}",
		"{{titles .First}}{{titles (index .Books 0)}}{{(index .Books 0).Title}}{{(shelf).Name}}",
		"{{if and .Name (not .First)}}{{else if eq (len .Books) 1}}{{end}}{{if or .Books .First}}{{end}}",
		"{{$x := 1}}{{if .Name}}{{$x = 2}}{{end}}{{$x}}{{with $y := .First}}{{$y.Title}}{{end}}", "{{true}}{{1.5}}{{printf `%v` .}}{{len .Name | printf `%d`}}",
		"{{define `t`}}{{.Title}}{{if .}}{{template `t` .}}{{end}}{{end}}{{if false}}{{template `t` .First}}{{end}}", "{{define `n`}}n{{end}}{{template `n`}}",
		"{{slice .Name 0 1}}{{index .ByName `a` | titles}}{{and .Name .Name | upper}}",
	} {
		if faults := check(t, text); faults != "" {
			t.Errorf("%s: %s", text, faults)
		}
		if err := run(t, text); err != nil {
			t.Errorf("%s: it does not run: %v", text, err)
		}
	}
}

func TestFaults(t *testing.T) {
	const hasShelf = ", which has Any, Books, ByName, Color, First, Name"
	for text, want := range map[string]string{
		"{{.Nme}}":                                       "there is no Nme in shelf" + hasShelf,
		"{{if false}}{{.Nme}}{{end}}":                    "there is no Nme in shelf" + hasShelf,
		"{{$.hidden}}":                                   "there is no hidden in shelf" + hasShelf,
		"{{range .Books}}{{.Name}}{{end}}":               "there is no Name in book, which has Pages, Title",
		"{{range $i, $b := .Books}}{{$i.Title}}{{end}}":  "there is no Title in int",
		"{{with .First}}{{.Name}}{{end}}":                "there is no Name in book, which has Pages, Title",
		"{{.Name.Title}}":                                "there is no Title in string",
		"{{.Books}}":                                     ".Books has no text: it is of type []book; write its fields, or pass it to a function",
		"{{.First}}":                                     ".First has no text: it is of type *book; write its fields, or pass it to a function",
		"{{range .Name}}{{end}}":                         ".Name cannot be ranged over: it is of type string",
		"{{template `x` .}}":                             `there is no template "x"`,
		"{{define `t`}}{{.Name}}{{end}}{{template `t`}}": "there is no Name in nothing, as the template is called without data",
		"{{define `t`}}{{.Nme}}{{end}}{{template `t` .}}{{template `t` .}}": "there is no Nme in shelf" + hasShelf,
		"{{upper 1}}":                           "argument 1 of upper is of type int, and has to be of type string",
		"{{upper .First}}":                      "argument 1 of upper is of type *book, and has to be of type string",
		"{{upper .Name .Name}}":                 "upper is given 2 arguments and takes 1",
		"{{.Name | upper .Name}}":               "upper is given 2 arguments and takes 1",
		"{{join}}":                              "join is given 0 arguments and takes 1 or more",
		"{{join `,` 1}}":                        "argument 2 of join is of type int, and has to be of type string",
		"{{.Name 1}}":                           "Name of shelf is given an argument and is no method",
		"{{range .Books}}{{.Pages}}{{end}}":     "Pages is given 0 arguments and takes 1 or more",
		"{{range .Books}}{{.Pages `a`}}{{end}}": "argument 1 of Pages is of type string, and has to be of type int",
		"{{eq .Name}}":                          "eq is given 1 argument",
		"{{upper (titles .Name)}}":              "argument 1 of titles is of type string, and has to be of type book",
		"{{$x := 1}}{{$x = .Name}}":             "$x is of type int, and this is of type string",
		"{{1 | .Name}}":                         "Name of shelf is given an argument and is no method",
	} {
		if got := check(t, text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
