package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLowerNames(t *testing.T) {
	got := lowerNames([]string{"BookService", "HTTPService", "HTTPProxy", "HttpProxy", "IAM", "A", "AB", "ABc", "S3", "S3Store", "API2", "Foo_Bar"})
	want := map[string]string{
		"BookService": "bookService", "HTTPService": "httpService", "HTTPProxy": "hTTPProxy", "HttpProxy": "httpProxy",
		"IAM": "iam", "A": "a", "AB": "ab", "ABc": "aBc", "S3": "s3", "S3Store": "s3Store", "API2": "api2", "Foo_Bar": "foo_Bar",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLowerNamesAreDistinct tests every set of service names that differ only in letter case.
func TestLowerNamesAreDistinct(t *testing.T) {
	names := []string{""}
	for _, pair := range []string{"Aa", "Bb", "Cc", "Dd", "22"} {
		var longer []string
		for _, name := range names {
			longer = append(longer, name+pair[:1])
			if name != "" && pair != "22" {
				longer = append(longer, name+pair[1:])
			}
		}
		names = longer
	}
	for mask := range 1 << len(names) {
		var chosen []string
		for i, name := range names {
			if mask&(1<<i) != 0 {
				chosen = append(chosen, name)
			}
		}
		seen := make(map[string]bool)
		for _, lower := range lowerNames(chosen) {
			if seen[lower] {
				t.Fatalf("%q has %s twice", chosen, lower)
			}
			seen[lower] = true
		}
	}
}

func TestPackageStem(t *testing.T) {
	for name, want := range map[string]string{
		"libraryv1": "libraryv1", "_func": "func", "_1st": "pkg1st", "__": "", "a_b": "a_b", "_": "",
	} {
		if got := packageStem(name); got != want {
			t.Errorf("packageStem(%q) = %q, want %q", name, got, want)
		}
	}
}
