package main

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestPluginDescription checks that the description for buf's registry agrees with go.mod, and that
// it names no host of a registry.
func TestPluginDescription(t *testing.T) {
	repo := checkout(t)
	var plugin struct {
		Name     string
		Deps     []any
		Registry struct {
			Go struct {
				MinVersion string `yaml:"min_version"`
				Deps       []struct{ Module, Version string }
			}
			Opts []string
		}
	}
	repo.readYAML(t, "buf.plugin.yaml", &plugin)
	if plugin.Name != "" || plugin.Deps != nil {
		t.Error("name and deps have the host of a registry; leave them out")
	}
	mod := repo.goMod(t)
	if want, _ := strings.CutSuffix(mod.Go.Version, ".0"); plugin.Registry.Go.MinVersion != want {
		t.Errorf("min_version is %s; go.mod requires %s", plugin.Registry.Go.MinVersion, want)
	}
	for _, dep := range plugin.Registry.Go.Deps {
		if !slices.ContainsFunc(mod.Require, func(r *modfile.Require) bool {
			return r.Mod.Path == dep.Module && r.Mod.Version == dep.Version
		}) {
			t.Errorf("go.mod does not require %s %s", dep.Module, dep.Version)
		}
	}
	equal(t, "opts", plugin.Registry.Opts, []string{"paths=source_relative", "emit=service;test"})
}

// TestIssueTemplates checks what GitHub requires of a form.
func TestIssueTemplates(t *testing.T) {
	repo := checkout(t)
	for _, name := range []string{"bug", "feature"} {
		var form struct {
			Name, Description string
			Body              []struct {
				Type, ID   string
				Attributes struct{ Label, Value string }
			}
		}
		repo.readYAML(t, ".github/ISSUE_TEMPLATE/"+name+".yml", &form)
		if form.Name == "" || form.Description == "" || len(form.Body) == 0 {
			t.Errorf("%s.yml: a form needs a name, a description and a body", name)
		}
		for _, part := range form.Body {
			markdown := part.Type == "markdown" && part.Attributes.Value != ""
			if !markdown && (part.ID == "" || part.Attributes.Label == "") {
				t.Errorf("%s.yml: a field has the id %q and the label %q; it needs both",
					name, part.ID, part.Attributes.Label)
			}
		}
	}
}
