package golang

import "strings"

// MayImport reports whether Go lets a package import another. Only packages below the parent of the
// last "internal" directory in its path can import an internal package.
func MayImport(importer, imported string) bool {
	const element = "/internal/"
	if !strings.Contains("/"+imported+"/", element) {
		return true
	}
	parent := InternalTo(imported)
	return parent == "" || importer == parent || strings.HasPrefix(importer, parent+"/")
}

// InternalTo returns the import path below which packages can import an internal package.
func InternalTo(imported string) string {
	padded := "/" + imported + "/"
	return strings.Trim(padded[:strings.LastIndex(padded, "/internal/")], "/")
}
