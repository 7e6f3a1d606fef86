package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const root = "../.."

// TestModulesRequireNothingVulnerable checks every go.mod of the repository against
// advisories.json.
func TestModulesRequireNothingVulnerable(t *testing.T) {
	l := mustLoad(t)
	mods := repositoryMods(t)
	for path, mod := range mods {
		for _, f := range l.findings(mod) {
			if l.accepts(f.id, f.version, mod.Go.Version) == nil {
				t.Errorf("%s: %v", path, f)
			}
		}
	}
	for _, path := range []string{"go.mod", "runtime/operation/go.mod", "examples/shop/go.mod", "benchmarks/go.mod"} {
		if mods[path] == nil {
			t.Errorf("%s was not read", path)
		}
	}
}

// TestAcceptancesAreNeeded checks that no acceptance outlives its requirement.
func TestAcceptancesAreNeeded(t *testing.T) {
	l := mustLoad(t)
	moduleOf := make(map[string]string)
	for _, a := range l.Advisories {
		moduleOf[a.ID] = a.Module
	}
	needed := make(map[*acceptance]bool)
	for _, mod := range repositoryMods(t) {
		for _, r := range mod.Require {
			for _, a := range l.Accepted {
				if moduleOf[a.ID] == r.Mod.Path {
					needed[l.accepts(a.ID, r.Mod.Version, mod.Go.Version)] = true
				}
			}
		}
	}
	for i, a := range l.Accepted {
		if !needed[&l.Accepted[i]] {
			t.Errorf("advisories.json accepts %s in %s, which no module requires; remove that", a.ID, a.Version)
		}
	}
}

// TestTheFirstFloorIsVulnerable checks that the comparison detects grpc 1.83.1 and x/net 0.55,
// which were once required.
func TestTheFirstFloorIsVulnerable(t *testing.T) {
	mod, err := modfile.Parse("go.mod", []byte(`module m

go 1.25.0

require (
	golang.org/x/net v0.55.0
	google.golang.org/grpc v1.83.1
	google.golang.org/protobuf v1.36.12
)
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := mustLoad(t)
	got := make(map[string]bool)
	for _, f := range l.findings(mod) {
		got[f.id] = l.accepts(f.id, f.version, "1.25.0") == nil
	}
	for _, id := range []string{"GO-2026-6443", "GO-2026-5942", "GO-2026-6617"} {
		if !got[id] {
			t.Errorf("%s does not affect the first floor", id)
		}
	}
	if got["GO-2026-6348"] || got["GO-2026-5026"] {
		t.Error("advisories that the first floor had fixed affect it")
	}
}

// TestAdvisoriesAreWellFormed checks for errors with no visible effect: an invalid version never
// matches.
func TestAdvisoriesAreWellFormed(t *testing.T) {
	l := mustLoad(t)
	id := regexp.MustCompile(`^(GO-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|CVE-\d{4}-\d{4,})$`)
	known := make(map[string]bool)
	for _, a := range l.Advisories {
		if !id.MatchString(a.ID) || known[a.ID] || a.Module == "" || a.What == "" || semver.Canonical(a.Fixed) != a.Fixed ||
			!strings.HasPrefix(a.Source, "https://") || !strings.Contains(a.Source, a.ID) {
			t.Errorf("%+v is incomplete, or twice there", a)
		}
		known[a.ID] = true
	}
	for _, a := range l.Accepted {
		if semver.Canonical(a.Version) != a.Version || a.Why == "" || a.BeforeGo == "" || !known[a.ID] {
			t.Errorf("the acceptance %+v is incomplete, or of an unknown advisory", a)
		}
	}
}

// TestReadmeNamesTheFloor checks that the README lists the requirements of go.mod.
func TestReadmeNamesTheFloor(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	mod := repositoryMods(t)["go.mod"]
	for _, r := range mod.Require {
		if r.Mod.Path == "google.golang.org/grpc" {
			want := "grpc-go " + strings.TrimPrefix(r.Mod.Version, "v")
			if !bytes.Contains(readme, []byte(want)) {
				t.Errorf("README.md does not name %s", want)
			}
		}
	}
	if want := "Go " + strings.TrimSuffix(mod.Go.Version, ".0"); !bytes.Contains(readme, []byte(want)) {
		t.Errorf("README.md does not name %s", want)
	}
}

// TestRun checks which findings of govulncheck make the program fail. The messages are shortened
// output of govulncheck 1.9.0.
func TestRun(t *testing.T) {
	const config = `{"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck"}}` + "\n"
	at := func(id, module, version string) string {
		return `{"finding": {"osv": "` + id + `", "fixed_version": "v9.9.9", "trace": [{"module": "` + module + `", "version": "` + version + `"}]}}` + "\n"
	}
	for name, test := range map[string]struct{ in, goVersion, out, err string }{
		"nothing found": {in: config, goVersion: "1.25.0"},
		"a vulnerable version": {
			in: config + at("GO-2026-9999", "google.golang.org/grpc", "v1.84.0"), goVersion: "1.25.0",
			out: "GO-2026-9999 affects google.golang.org/grpc v1.84.0; require v9.9.9\n", err: "example.com/m requires 1 vulnerable versions",
		},
		"the same with a call to it": {
			in:        config + at("GO-2026-9999", "a.b/c", "v1.0.0") + at("GO-2026-9999", "a.b/c", "v1.0.0"),
			goVersion: "1.25.0", out: "GO-2026-9999 affects a.b/c v1.0.0; require v9.9.9\n", err: "requires 1 vulnerable",
		},
		"an accepted one":               {in: config + at("GO-2026-6443", "google.golang.org/grpc", "v1.84.0"), goVersion: "1.25.7", out: "accepted: GO-2026-6443"},
		"accepted in an older Go":       {in: config + at("GO-2026-6443", "google.golang.org/grpc", "v1.84.0"), goVersion: "1.26.0", err: "requires 1"},
		"accepted in another version":   {in: config + at("GO-2026-6443", "google.golang.org/grpc", "v1.84.1"), goVersion: "1.25.0", err: "requires 1"},
		"the standard library":          {in: config + at("GO-2026-6617", "stdlib", "v1.26.8"), goVersion: "1.25.0"},
		"govulncheck that did not run":  {goVersion: "1.25.0", err: "govulncheck wrote nothing"},
		"output that is not JSON":       {in: config + "boom", goVersion: "1.25.0", err: "the output of govulncheck"},
		"a go.mod that cannot be asked": {in: config, err: "has no module or go line"},
	} {
		t.Run(name, func(t *testing.T) {
			mod := "module example.com/m\n"
			if test.goVersion != "" {
				mod += "\ngo " + test.goVersion + "\n"
			}
			path := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(path, []byte(mod), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := run(strings.NewReader(test.in), &out, path)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if !strings.HasPrefix(out.String(), test.out) || test.err == "" && test.out == "" && out.Len() > 0 {
				t.Errorf("wrote %q, want %q", out.String(), test.out)
			}
		})
	}
}

func mustLoad(t *testing.T) *list {
	t.Helper()
	l, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// repositoryMods reads the go.mod files of this repository, without those of golden tests.
func repositoryMods(t *testing.T) map[string]*modfile.File {
	t.Helper()
	mods := make(map[string]*modfile.File)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && path != root) {
			return fs.SkipDir
		}
		if name != "go.mod" {
			return nil
		}
		mod, err := parseMod(path)
		rel, _ := filepath.Rel(root, path)
		mods[filepath.ToSlash(rel)] = mod
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mods
}
