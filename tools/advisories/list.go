package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/version"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

//go:embed advisories.json
var data []byte

// list is the content of advisories.json.
type list struct {
	Advisories []advisory   `json:"advisories"`
	Accepted   []acceptance `json:"accepted"`
}

// advisory is a vulnerability of a module.
type advisory struct {
	ID     string `json:"id"`
	Module string `json:"module"`
	Fixed  string `json:"fixed"` // the first release that is not affected
	What   string `json:"what"`
	Source string `json:"source"`
}

// acceptance is a finding that the repository accepts because of a requirement, and the reason.
type acceptance struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Why      string `json:"why"`
	BeforeGo string `json:"before_go"` // a go.mod with at least this Go version can upgrade instead
}

// finding is a requirement that an advisory affects.
type finding struct{ id, module, version, fixed string }

func (f finding) String() string {
	return fmt.Sprintf("%s affects %s %s; require %s", f.id, f.module, f.version, f.fixed)
}

func load() (*list, error) {
	l := new(list)
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("advisories.json: %w", err)
	}
	return l, nil
}

// findings returns the requirements of a go.mod that advisories affect.
func (l *list) findings(mod *modfile.File) []finding {
	var found []finding
	for _, require := range mod.Require {
		for _, a := range l.Advisories {
			v := require.Mod
			if a.Module == v.Path && semver.Compare(v.Version, a.Fixed) < 0 {
				found = append(found, finding{a.ID, v.Path, v.Version, a.Fixed})
			}
		}
	}
	return found
}

// accepts returns the acceptance of an advisory for a module that requires Go goVersion, or nil.
func (l *list) accepts(id, moduleVersion, goVersion string) *acceptance {
	for i, a := range l.Accepted {
		if a.ID == id && a.Version == moduleVersion && version.Compare("go"+goVersion, "go"+a.BeforeGo) < 0 {
			return &l.Accepted[i]
		}
	}
	return nil
}
