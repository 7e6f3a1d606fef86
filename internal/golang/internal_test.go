package golang_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// TestMayImport checks the go command's rule for internal packages.
func TestMayImport(t *testing.T) {
	for _, tt := range []struct {
		importer, imported string
		want               bool
	}{
		{"example.com/b", "example.com/a", true},
		{"example.com/b", "example.com/a/internals", true},
		{"example.com/a/internal/x/xservice", "example.com/a/internal/x", true},
		{"example.com/a", "example.com/a/internal", true},
		{"example.com/a/b/c", "example.com/a/internal/x", true},
		{"example.com/ab", "example.com/a/internal/x", false},
		{"example.com/b", "example.com/a/internal", false},
		{"example.com/a/internal/b", "example.com/a/internal/x/internal/y", false},
		{"example.com/a/internal/x/z", "example.com/a/internal/x/internal/y", true},
	} {
		if got := golang.MayImport(tt.importer, tt.imported); got != tt.want {
			t.Errorf("%s may import %s: %v, want %v", tt.importer, tt.imported, got, tt.want)
		}
	}
}
