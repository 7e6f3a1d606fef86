package golang

import "testing"

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
