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
	if !ok {
		return developmentVersion
	}
	return versionOf(info.Main)
}

// versionOf returns the version of the module main. The version of a module that a go.mod replaces
// says nothing about the code.
func versionOf(main debug.Module) string {
	if main.Version == "" || main.Version == "(devel)" || main.Replace != nil {
		return developmentVersion
	}
	return main.Version
}
