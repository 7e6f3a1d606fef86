package table_test

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

const root = "../../../"

// TestRowsAreWhole checks that what a row names exists: its page, templates, package and options.
func TestRowsAreWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range table.Patterns() {
		if p.Name == "" || seen[p.Name] || p.Kinds == 0 || p.Detect == nil || p.What == "" || !p.Beside && p.Is == "" {
			t.Errorf("the row of %q lacks something, or there are two", p.Name)
		}
		seen[p.Name] = true
		files := []string{"docs/" + p.Docs}
		if p.Arguments != nil {
			files = append(files, "templates/helper_"+p.Name+".go.tmpl", "templates/stub_"+p.Name+".go.tmpl",
				strings.TrimPrefix(p.Package.Path, "github.com/grpcservice/grpcservice/"))
		}
		if p.Works {
			files = append(files, "templates/work_"+p.Name+".go.tmpl")
		}
		for _, file := range files {
			if _, err := os.Stat(root + file); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		checkOption(t, p)
	}
}

// checkOption checks that the option of a pattern can disable it, and has the parts of the row.
func checkOption(t *testing.T, p pattern.Pattern) {
	t.Helper()
	if p.Option == "" {
		return
	}
	option := (&grpcservicev1.Policy{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(p.Option))
	if option == nil || option.Message() == nil {
		t.Errorf("%s: there is no option %s", p.Name, p.Option)
		return
	}
	for _, field := range append([]string{"off"}, p.Parts...) {
		if option.Message().Fields().ByName(protoreflect.Name(field)) == nil {
			t.Errorf("%s: there is no option %s.%s", p.Name, p.Option, field)
		}
	}
}
