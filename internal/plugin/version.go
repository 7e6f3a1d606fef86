package plugin

import "runtime/debug"

const (
	name   = "protoc-gen-grpcservice"
	issues = "https://github.com/grpcservice/grpcservice/issues"

	// developmentVersion is the version of a binary that was not built from a released module.
	developmentVersion = "0.1.0-dev"
)

// version returns the version of the module that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return developmentVersion
	}
	return info.Main.Version
}
