package gomod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/gomod"
)

func TestDirectives(t *testing.T) {
	const text = "module \"example.com/a\" // the module\r\n\nrequire (\n\t// of others\n\texample.com/b v1.0.0 // indirect\n\n)\n" +
		"replace example.com/b => `../b`\ngo 1.26\nrequire example.com/c v1.2.3"
	want := []gomod.Directive{
		{Verb: "module", Args: []string{"example.com/a"}, Line: 1},
		{Verb: "require", Args: []string{"example.com/b", "v1.0.0"}, Line: 5},
		{Verb: "replace", Args: []string{"example.com/b", "=>", "../b"}, Line: 8},
		{Verb: "go", Args: []string{"1.26"}, Line: 9},
		{Verb: "require", Args: []string{"example.com/c", "v1.2.3"}, Line: 10},
	}
	if diff := cmp.Diff(want, gomod.Directives(text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
