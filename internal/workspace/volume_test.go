package workspace

import (
	"strings"
	"testing"
)

func TestSplitVolume(t *testing.T) {
	for _, tt := range []struct {
		path         string
		windows      bool
		volume, rest string
	}{
		{"/home/ada", false, "", "/home/ada"},
		{`/home/a\b`, false, "", `/home/a\b`},
		{"C:/ada", false, "", "C:/ada"},
		{`C:\Users\ada`, true, "C:", "/Users/ada"},
		{`c:/Users/ada`, true, "c:", "/Users/ada"},
		{`C:\`, true, "C:", "/"},
		{`C:ada`, true, "C:", "ada"},
		{`\\host\share\ada\x`, true, "//host/share", "/ada/x"},
		{`\\host\share`, true, "//host/share", ""},
		{`\\?\C:\ada`, true, "C:", "/ada"},
		{`\\?\UNC\host\share\ada`, true, "//host/share", "/ada"},
		{`\ada`, true, "", "/ada"},
		{`..\ada`, true, "", "../ada"},
	} {
		if volume, rest := splitVolume(tt.path, tt.windows); volume != tt.volume || rest != tt.rest {
			t.Errorf("%s (Windows: %t): got %q, %q; want %q, %q", tt.path, tt.windows, volume, rest, tt.volume, tt.rest)
		}
	}
}

func TestLinkTarget(t *testing.T) {
	for _, tt := range []struct {
		target, volume string
		windows        bool
		want, err      string
	}{
		{"../shared", "", false, "../shared", ""},
		{"/srv/shared", "", false, "/srv/shared", ""},
		{`a\b`, "", false, `a\b`, ""},
		{`..\shared`, "C:", true, "../shared", ""},
		{`C:\shared`, "c:", true, "/shared", ""},
		{`\\?\C:\shared`, "C:", true, "/shared", ""},
		{`\shared`, "C:", true, "/shared", ""},
		{`D:\shared`, "C:", true, "", "leads to the volume D:"},
		{`\\host\share\x`, "C:", true, "", "leads to the volume //host/share"},
		{`\\host\share\x`, "//host/share", true, "/x", ""},
		{`C:shared`, "C:", true, "", "depends on the working directory"},
	} {
		got, err := linkTarget(tt.target, tt.volume, tt.windows)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s on %q (Windows: %t): got %q, %v; want %q, %q", tt.target, tt.volume, tt.windows, got, err, tt.want, tt.err)
		}
	}
}

// TestDisk checks that the working directory is found in the tree of the disk.
func TestDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	tree, dir := Disk()
	w := Workspace{Tree: tree, Dir: dir}
	if tree == nil || dir == "" {
		t.Fatalf("got %v, %q", tree, dir)
	}
	if _, err := w.resolve(dir); err != nil {
		t.Error(err)
	}
}
