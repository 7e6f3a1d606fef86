package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoBuildProducts checks that the repository contains only sources: every file is text, and
// none is larger than a person would write or a generator has reason to.
func TestNoBuildProducts(t *testing.T) {
	const root, largest = "../..", 300_000
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted but not committed
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if bytes.IndexByte(content, 0) >= 0 {
			t.Errorf("%s is binary; remove it from git and ignore it, or write it in a test", name)
		}
		if len(content) > largest {
			t.Errorf("%s has %d bytes, more than %d; remove it from git, or write it in a test",
				name, len(content), largest)
		}
	}
}
