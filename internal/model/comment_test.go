package model

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/format"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommentLines(t *testing.T) {
	for _, tt := range []struct{ name, comment, want string }{
		{"none", "", ""},
		{"empty lines at the ends", "\n \n text\n\n", "text"},
		{"one space goes", " a\n  b\n\tc\n", "a\n b\n\tc"},
		{"space at the end goes", " a \t\n b\u00a0\n", "a\nb"},
		{"second star", "* text\n more ", "text\nmore"},
		{"second star alone", "*\n text\n", "text"},
		{"list", " * text\n", "* text"},
		{"line ends", " a\r\n b\rc\u2028d\u2029e\u0085f\vg\fh", "a\nb\nc\nd\ne\nf\ng\nh"},
		{"control characters", " \x00\x07\x1b\x7f\u0080", "\ufffd\ufffd\ufffd\ufffd\ufffd"},
		{"byte order mark", " a\ufeffb", "a\ufffdb"},
		{"bidirectional controls", " a\u202eb\u2066c\u200f", "a\ufffdb\ufffdc\ufffd"},
		{"joiners stay", " \u200d\u200c", "\u200d\u200c"},
		{"invalid UTF-8", " a\xff\xfeb", "a\ufffdb"},
		{"build constraint", " +build ignore", "`+build ignore`"},
		{"build constraint behind spaces", " \u00a0\t +build\u2003ignore", "`+build\u2003ignore`"},
		{"directive", "go:generate touch x", "`go:generate touch x`"},
		{"directive behind a space", " go:build ignore", "`go:build ignore`"},
		{"prose with a colon", " note: text\n http://example.com\n 10:30", "note: text\nhttp://example.com\n10:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(commentLines(tt.comment), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("commentLines(%q) (-want +got):\n%s", tt.comment, diff)
			}
		})
	}
}

// TestDirective compares with a regular expression.
func TestDirective(t *testing.T) {
	want := regexp.MustCompile(`^(\+build|[a-z][a-z0-9]*:[a-z])`)
	for _, line := range []string{
		"", ":", "a", "a:", ":a", "a:b", "A:b", "a:B", "a1:b", "1a:b", "a b:c", "+build", "+build a:b",
		"+buildx", " +build", "go:build x:y", "a-b:c", "é:a", "a:é", "http://a", "a::b",
	} {
		if got := isDirective(line); got != want.MatchString(line) {
			t.Errorf("isDirective(%q) = %v", line, got)
		}
	}
}

// FuzzComment checks that a proto comment always remains a comment in the Go file.
func FuzzComment(f *testing.F) {
	for _, seed := range []string{" text\n", "go:generate x", " +build ignore\n", " a\r\n//go:build b\u2028+build c", "*\n *\n", "\x00\xff\ufeff",
		" # Heading\n\n\tcode\n  - list\n [x]: y\n", " }\n\ntype T struct{}\n", "*/ /*", " Deprecated: no"} {
		f.Add(seed)
	}
	plain := regexp.MustCompile(`^//( |\t|$)`)
	f.Fuzz(func(t *testing.T, comment string) {
		lines := commentLines(comment)
		var doc string
		for _, line := range lines {
			doc += "// " + line + "\n"
		}
		text := "package p\n\n" + doc + "//\n// Below.\ntype T interface {\n" + doc + "M()\n}\n"
		formatted, err := format.Source([]byte(text))
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", formatted, parser.ParseComments)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, formatted)
		}
		if len(file.Decls) != 1 || !strings.HasPrefix(string(formatted), "package p\n") {
			t.Fatalf("the comment %q makes:\n%s", comment, formatted)
		}
		methods := file.Decls[0].(*ast.GenDecl).Specs[0].(*ast.TypeSpec).Type.(*ast.InterfaceType).Methods.List
		if len(methods) != 1 || (methods[0].Doc == nil) != (len(lines) == 0) {
			t.Fatalf("the comment %q is not the method's:\n%s", comment, formatted)
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				if !plain.MatchString(c.Text) || constraint.IsGoBuild(c.Text) || constraint.IsPlusBuild(c.Text) {
					t.Fatalf("the comment %q makes the directive %q", comment, c.Text)
				}
			}
		}
		if err := settle(formatted); err != nil {
			t.Fatal(err)
		}
	})
}

// settle checks that gofmt stabilizes. It recognizes headings and lists only after it has separated
// them from other text, so one pass may not be enough.
func settle(text []byte) error {
	for range 3 {
		again, err := format.Source(text)
		if err != nil || string(again) == string(text) {
			return err
		}
		text = again
	}
	return fmt.Errorf("gofmt goes on to change:\n%s", text)
}
