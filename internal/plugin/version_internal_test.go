package plugin

import (
	"runtime/debug"
	"testing"
)

// TestVersionOf checks the version of go tool in a module that replaces grpcservice.
func TestVersionOf(t *testing.T) {
	for _, tt := range []struct {
		main debug.Module
		want string
	}{
		{debug.Module{Version: "v1.2.3"}, "v1.2.3"},
		{debug.Module{Version: "(devel)"}, developmentVersion},
		{debug.Module{}, developmentVersion},
		{debug.Module{Version: "v0.0.0", Replace: &debug.Module{Path: "../.."}}, developmentVersion},
	} {
		if got := versionOf(tt.main); got != tt.want {
			t.Errorf("%+v has the version %s, want %s", tt.main, got, tt.want)
		}
	}
}
