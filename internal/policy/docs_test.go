package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// TestDocs checks that the policy files in the docs are valid.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for i, block := range strings.Split(string(page), "```") {
		if _, text, found := strings.Cut(block, "version: v1\n"); i%2 == 1 && found {
			files++
			if problems := Parse("docs/policy.md", []byte("version: v1\n"+text)).Problems(); len(problems) > 0 {
				t.Errorf("%v in:\n%s", problems, text)
			}
		}
	}
	if files == 0 {
		t.Error("the docs have no policy file")
	}
}

// TestEveryOptionIsInDocs checks that the page has a section for each field of the options, and
// that the section has a row for each field of that field's message.
func TestEveryOptionIsInDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	options := (&grpcservicev1.Policy{}).ProtoReflect().Descriptor()
	for _, name := range fieldNames(options) {
		_, section, found := strings.Cut(string(page), "\n### "+name+"\n")
		if !found {
			t.Errorf("docs/policy.md has no section %s", name)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		message := options.Fields().ByName(protoreflect.Name(name)).Message()
		if message == nil {
			continue
		}
		for _, field := range fieldNames(message) {
			row := regexp.MustCompile("(?m)^\\|[^|]*`" + field + "\\b")
			if !row.MatchString(section) {
				t.Errorf("the section %s of docs/policy.md has no row of %s", name, field)
			}
		}
	}
}
