package plugin_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/plugin"
	"github.com/grpcservice/grpcservice/proto"
)

// TestExport checks how --export treats existing files in a directory.
func TestExport(t *testing.T) {
	const mark = "// Written by protoc-gen-grpcservice --export, which overwrites it. DO NOT EDIT.\n"
	for name, tt := range map[string]struct {
		before string
		code   int
		stderr string // substring
	}{
		"nothing":               {"", 0, "wrote "},
		"an older export":       {mark + "syntax = \"proto2\";\n", 0, "wrote "},
		"a copy":                {proto.Options, 0, "wrote "},
		"an export with \\r\\n": {strings.ReplaceAll(mark+proto.Options, "\n", "\r\n"), 0, "wrote "},
		"a copy with \\r\\n":    {strings.ReplaceAll(proto.Options, "\n", "\r\n"), 0, "wrote "},
		"a file of a user":      {"syntax = \"proto3\";\n", 1, `so it is not overwritten; remove it, or name another directory`},
		"an edited copy":        {proto.Options + "\n", 1, "so it is not overwritten"},
		"a mark further on":     {"\n" + mark, 1, "so it is not overwritten"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "third_party", "protos")
			path := filepath.Join(dir, "grpcservice", "v1", "options.proto")
			if tt.before != "" {
				writeTree(t, dir, map[string]string{proto.OptionsPath: tt.before})
			}
			var stdout, stderr bytes.Buffer
			code := plugin.Run(plugin.Env{Args: []string{"--export", dir}, Stdout: &stdout, Stderr: &stderr})
			if code != tt.code || stdout.Len() > 0 || !strings.Contains(stderr.String(), tt.stderr) || !strings.Contains(stderr.String(), path) {
				t.Errorf("the exit code is %d, stdout %q and stderr %q; want %d, nothing and …%q…", code, &stdout, &stderr, tt.code, tt.stderr)
			}
			want := mark + proto.Options
			if tt.code != 0 {
				want = tt.before
			}
			if got := readFile(t, path); got != want {
				t.Errorf("the file begins with %.200q", got)
			}
		})
	}
}

func TestExportReportsWhatTheSystemSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := plugin.Run(plugin.Env{Args: []string{"--export", file}, Stderr: &stderr}); code != 1 || !strings.Contains(stderr.String(), "--export: ") {
		t.Errorf("the exit code is %d and stderr %q, want 1 and a reason", code, &stderr)
	}
}
