package auth

import (
	_ "embed"

	"github.com/grpcservice/grpcservice/runtime/roles"
)

//go:embed roles.yaml
var exampleRoles []byte

// Roles returns the roles in a file, which is read again when it changes, or without one those of
// the example.
func Roles(file string) (*roles.Roles, error) {
	if file != "" {
		return roles.Open(file)
	}
	return roles.Parse(exampleRoles)
}
