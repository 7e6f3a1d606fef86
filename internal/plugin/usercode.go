package plugin

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// userCode collects the additions to user-owned code: to the package that implements the services,
// and to the program that serves them.
type userCode struct {
	workspace.Workspace
	templates *gen.Templates
	services  []model.Implementation
	files     map[string][]byte // complete contents, by path relative to the working directory
	problems  diag.List

	servesHTTP bool // whether a new program has the variable WEB_ADDR
}

// generated returns the service whose generated code is in a package, or "".
func (u *userCode) generated(importPath string) string {
	for _, i := range u.services {
		if slices.Contains([]string{i.Messages, i.Interface.Path, i.Test.Path}, importPath) {
			return i.FullName
		}
	}
	return ""
}

// forbidden returns a package that importer must import to implement or serve the services but may
// not, or "".
func (u *userCode) forbidden(importer string) string {
	for _, i := range u.services {
		for _, imported := range []string{i.Messages, i.Interface.Path, i.Test.Path} {
			if !golang.MayImport(importer, imported) {
				return imported
			}
		}
	}
	return ""
}
