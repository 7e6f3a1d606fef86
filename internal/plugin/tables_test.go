package plugin

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTablesInDocs checks that the tables in docs/plugin.md have the same rows as the tables in the
// code. With -update, it writes them.
func TestTablesInDocs(t *testing.T) {
	const path = "../../docs/plugin.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	update := flag.Lookup("update")
	isUpdate := update != nil && update.Value.String() == "true"
	page := string(content)
	for head, rows := range map[string]string{
		"| Parameter | Emit | Meaning | Default |\n| --- | --- | --- | --- |\n": parameterRows(),
		"| Emit | Output | Meaning | Requires |\n| --- | --- | --- | --- |\n":   emitRows(),
	} {
		before, after, found := strings.Cut(page, head)
		if !found {
			t.Fatalf("%s has no table that begins\n%s", path, head)
		}
		have, rest, _ := strings.Cut("\n"+after, "\n\n")
		if have = strings.TrimPrefix(have, "\n"); have+"\n" != rows && !isUpdate {
			t.Errorf("%s has the rows\n%s\nwant those below; run go test ./internal/plugin -run TestTablesInDocs -update\n%s", path, have, rows)
		}
		page = before + head + rows + "\n" + rest
	}
	if isUpdate {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parameterRows() string {
	var b strings.Builder
	for _, p := range slices.Concat(ownParameters, emitParameters) {
		doc := p.doc
		if doc == "" {
			doc = p.help
		}
		emits := "any"
		if len(p.emits) > 0 {
			emits = "`" + strings.Join(p.emits, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", p.name, p.usage, emits, doc, p.without)
	}
	fmt.Fprintf(&b, "| `%s` | any | protoc-gen-go's; give both plugins the same | |\n",
		strings.Join(foreignNames(), "`, `"))
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

func emitRows() string {
	var b strings.Builder
	for _, e := range emitters() {
		var needs []string
		for _, n := range e.needs {
			needs = append(needs, "`"+n.parameter+"`")
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n",
			e.name, strings.ReplaceAll(e.path, ", ", "`, `"), e.doc, strings.Join(needs, ", "))
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

// TestRowsAreWhole checks that each row of a table has all values that its readers require.
func TestRowsAreWhole(t *testing.T) {
	command, err := os.ReadFile("../../cmd/protoc-gen-grpcservice/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parameterTable() {
		if p.valid == nil || p.want == "" {
			t.Errorf("parameter %s has no rule", p.name)
		}
		if !strings.Contains(string(command), p.name) {
			t.Errorf("the doc comment of the command does not mention the parameter %s", p.name)
		}
		for _, name := range p.emits {
			if !slices.Contains(emitNames(), name) {
				t.Errorf("parameter %s is for emit=%s, which there is not", p.name, name)
			}
		}
	}
	for _, p := range slices.Concat(ownParameters, emitParameters) {
		if p.help == "" || p.set == nil {
			t.Errorf("parameter %s has no line in --help, or no setter", p.name)
		}
		if line := "\n    " + p.name + p.usage + " "; !strings.Contains(manual(arguments(), nil), line) {
			t.Errorf("--help has no line of parameter %s", p.name)
		}
	}
	for _, a := range arguments() {
		if !strings.Contains(string(command), a.name) {
			t.Errorf("the doc comment of the command does not mention the argument %s", a.name)
		}
	}
	for _, e := range emitters() {
		if e.path == "" || e.help == "" || e.doc == "" || (e.file == nil) == (e.all == nil) {
			t.Errorf("the row of emit=%s is not whole", e.name)
		}
		if !strings.Contains(string(command), "emit="+e.name) && !e.isDefault {
			t.Errorf("the doc comment of the command does not mention emit=%s", e.name)
		}
		for _, n := range e.needs {
			if _, found := parameterOf(n.parameter); !found {
				t.Errorf("emit=%s needs the parameter %s, which there is not", e.name, n.parameter)
			}
		}
	}
}

// TestEveryParameterIsSet checks that the setter of each parameter has an effect, and that no two
// parameters set the same field.
func TestEveryParameterIsSet(t *testing.T) {
	values := map[string]string{
		"package_suffix": "api", "import_path": "example.com/gen", "emit": "test", "policy": "p.yaml", "report": "r.json",
		"strict": "true", "templates": "templates", "skeleton_dir": "service", "app": "cmd", "deploy_dir": "deploy",
		"deploy_parts": "istio", "app_name": "shop", "image": "shop:1", "port": "8081",
		"tls_secret": "shop-tls", "slo": "99.5",
		"callers": "web/checkout", "endpointslices": "library", "namespace": "shop",
		"gateway": "ingress/public", "hostnames": "api.example.com", "web_port": "8082",
		"web_hostnames": "www.example.com",
	}
	seen := make(map[string]string)
	for _, p := range slices.Concat(ownParameters, emitParameters) {
		value, found := values[p.name]
		if !found {
			t.Errorf("give parameter %s a value in this test", p.name)
			continue
		}
		var params parameters
		if err := params.take(p.name, value, map[string]string{}); err != nil {
			t.Error(err)
		}
		got := fmt.Sprintf("%+v", params)
		if got == fmt.Sprintf("%+v", parameters{}) {
			t.Errorf("parameter %s sets nothing", p.name)
		}
		got = strings.ReplaceAll(got, value, "VALUE")
		if other, again := seen[got]; again {
			t.Errorf("parameters %s and %s set the same", p.name, other)
		}
		seen[got] = p.name
	}
}
