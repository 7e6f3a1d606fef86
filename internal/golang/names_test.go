package golang

import (
	"go/types"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPackageName(t *testing.T) {
	for dir, want := range map[string]string{
		"example.com/x/internal/service": "service", "x/my-Service": "myservice", "x/func": "pkgfunc", "main": "pkgmain", "x/2fa": "pkg2fa",
		"x/string": "pkgstring", "x/~": "pkg",
	} {
		if got := PackageName(dir); got != want {
			t.Errorf("the package in %s is called %s, want %s", dir, got, want)
		}
	}
}

// TestPredeclared compares the list with that of go/types.
func TestPredeclared(t *testing.T) {
	if diff := cmp.Diff(types.Universe.Names(), Predeclared()); diff != "" {
		t.Errorf("the list is not Go's (-Go +ours):\n%s", diff)
	}
}

// TestImportAlias checks that an import omits its name only if Go and a reader would infer that
// name.
func TestImportAlias(t *testing.T) {
	for _, tt := range []struct{ pkg, path, name, want string }{
		{"log", "log", "log", ""},
		{"v1", "example.com/v1", "av1", "av1"},
		{"libraryv1", "example.com/library/v1", "libraryv1", "libraryv1"},
		{"v1", "example.com/a/av1", "av1", "av1"},
	} {
		if got := ImportAlias(Ident{Package: tt.pkg, Path: tt.path}, tt.name); got != tt.want {
			t.Errorf("package %s at %s, called %s, has the alias %q, want %q", tt.pkg, tt.path, tt.name, got, tt.want)
		}
	}
}
