package docstest

import (
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// readProgram returns a file of the module that has the code of docs/production.md, as the page
// shows it: without the comment of the command, and with the packages of a reader.
func readProgram(t *testing.T, name string) string {
	t.Helper()
	text := readText(t, filepath.Join("production", name))
	text = text[strings.Index(text, "package main"):]
	return strings.ReplaceAll(text, module+"/internal/e2e/gen/", "example.com/library/gen/")
}

// blocks returns the fenced blocks of a page in a language.
func blocks(page, language string) (found []string) {
	for _, part := range strings.Split(page, "\n```"+language)[1:] {
		_, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "```")
		found = append(found, text)
	}
	return found
}

// TestTheProgramOfProduction compares the code of the page with that of a module, which is compiled
// and run by its own tests.
func TestTheProgramOfProduction(t *testing.T) {
	t.Parallel()
	code := blocks(readText(t, filepath.Join(root, "docs", "production.md")), "go")
	if len(code) != 2 || code[0] != readProgram(t, "main.go") {
		t.Error("the program in docs/production.md differs from internal/docstest/production/main.go")
	}
	if len(code) != 2 || !strings.HasSuffix(readProgram(t, "client.go"), "\n"+code[1]) {
		t.Error("the client in docs/production.md differs from internal/docstest/production/client.go")
	}
}

// TestTheProgramOfObservability does the same for docs/observability.md.
func TestTheProgramOfObservability(t *testing.T) {
	t.Parallel()
	code := blocks(readText(t, filepath.Join(root, "docs", "observability.md")), "go main.go")
	if len(code) != 1 || code[0] != readProgram(t, filepath.Join("observability", "main.go")) {
		t.Error("the program in docs/observability.md differs from internal/docstest/production/observability/main.go")
	}
}

// TestTheProgramOfEndpointSlices does the same for docs/endpointslices.md.
func TestTheProgramOfEndpointSlices(t *testing.T) {
	t.Parallel()
	code := blocks(readText(t, filepath.Join(root, "docs", "endpointslices.md")), "go main.go")
	if len(code) != 1 || code[0] != readProgram(t, filepath.Join("endpointslices", "main.go")) {
		t.Error("the program in docs/endpointslices.md differs from internal/docstest/production/endpointslices/main.go")
	}
}

// TestThePolicyOfProduction checks the options that the page shows.
func TestThePolicyOfProduction(t *testing.T) {
	t.Parallel()
	proto := blocks(readText(t, filepath.Join(root, "docs", "production.md")), "proto")[0]
	_, text, _ := strings.Cut(proto, "(grpcservice.v1.method) = {")
	text, _, _ = strings.Cut(text, "\n  };")
	options := &grpcservicev1.Policy{}
	if err := prototext.Unmarshal([]byte(text), options); err != nil {
		t.Fatal(err)
	}
	if _, faults := policy.Of(policy.Method{}, nil, options); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestThePracticesOfProduction checks that each practice has a page.
func TestThePracticesOfProduction(t *testing.T) {
	t.Parallel()
	_, checklist, _ := strings.Cut(readText(t, filepath.Join(root, "docs", "production.md")), "\n## Security\n")
	rows := 0
	for line := range strings.Lines(checklist) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasSuffix(line, "| More |\n") {
			continue
		}
		rows++
		if cells := strings.Split(line, " | "); len(cells) != 3 || !strings.Contains(cells[2], ".md") {
			t.Errorf("no page for %q", line)
		}
	}
	if rows < 30 {
		t.Errorf("only %d practices", rows)
	}
}

// TestTheLinesOfTheSkeleton checks that the options which the comments of a generated main.go show
// are those of the page, which are compiled.
func TestTheLinesOfTheSkeleton(t *testing.T) {
	t.Parallel()
	program := readProgram(t, "main.go")
	shown := 0
	for line := range strings.Lines(readText(t, filepath.Join(root, "templates", "app.go.tmpl"))) {
		option, ok := strings.CutPrefix(strings.TrimSpace(line), "//\t")
		if !ok {
			continue
		}
		shown++
		if !strings.Contains(program, "\n\t\t"+option+"\n") {
			t.Errorf("docs/production.md does not have the line %q", option)
		}
	}
	if shown < 4 {
		t.Errorf("the template shows only %d options", shown)
	}
}
