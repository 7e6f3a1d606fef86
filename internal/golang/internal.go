package golang

import "strings"

// MayImport reports whether Go lets a package import another: an internal package can be imported
// only from below the parent of the last directory of its path that is called internal.
func MayImport(importer, imported string) bool {
	const element = "/internal/"
	if !strings.Contains("/"+imported+"/", element) {
		return true
	}
	parent := InternalTo(imported)
	return parent == "" || importer == parent || strings.HasPrefix(importer, parent+"/")
}

// InternalTo returns the import path below which an internal package can be imported.
func InternalTo(imported string) string {
	padded := "/" + imported + "/"
	return strings.Trim(padded[:strings.LastIndex(padded, "/internal/")], "/")
}
