package plugin

import (
	"runtime/debug"
	"strings"
)

const (
	name   = "protoc-gen-grpcservice"
	issues = "https://github.com/grpcservice/grpcservice/issues"

	// developmentVersion is the version of a binary that was not built from a released module.
	developmentVersion = "0.1.0-dev"
)

// Version returns the version of the module that the program was built from, and "" if the go
// command could not download it, because it is that of a checkout with changes.
func Version() string {
	if v := version(); v != developmentVersion && !strings.HasSuffix(v, "+dirty") {
		return v
	}
	return ""
}

// version returns the version of the module that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return developmentVersion
	}
	return info.Main.Version
}
