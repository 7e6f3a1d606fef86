package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	shownMessage = regexp.MustCompile(`^ *(?:\S+:\d+:\d+: |filter: column \d+: )(.*)$`)
	leadingVerbs = regexp.MustCompile(`^(?:%[a-z]: )+`)
	formatVerb   = regexp.MustCompile(`%[-+# 0]*\d*(?:\.\d+)?[a-zA-Z]`)
)

// TestMessagesInDocs checks that the errors and warnings on the pages exist in the code.
func TestMessagesInDocs(t *testing.T) {
	t.Parallel()
	texts := textsOfCode(t)
	n := 0
	for page, content := range pagesOfCheckout(t) {
		line := 0
		for text := range strings.Lines(content) {
			line++
			match := shownMessage.FindStringSubmatch(strings.TrimRight(text, "\n"))
			if match == nil {
				continue
			}
			n++
			if !texts.have(match[1]) {
				t.Errorf("%s:%d: no text of the code is %q", page, line, match[1])
			}
		}
	}
	if n < 10 {
		t.Fatalf("found only %d messages", n)
	}
}

// texts contains the string constants of the code: as patterns, in which a verb matches anything,
// and as the parts between verbs.
type texts struct {
	patterns []*regexp.Regexp
	parts    []string
}

// have reports whether a message is in the code. If "…" shortens it, its longest piece must be part
// of a text.
func (t texts) have(message string) bool {
	for _, pattern := range t.patterns {
		if pattern.MatchString(message) {
			return true
		}
	}
	longest := ""
	for piece := range strings.SplitSeq(message, "…") {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	if longest == message {
		return false
	}
	for _, part := range t.parts {
		if strings.Contains(part, longest) || strings.Contains(longest, part) {
			return true
		}
	}
	return false
}

// textsOfCode returns the string constants of at least four words in the plugin and the runtime.
func textsOfCode(t *testing.T) (all texts) {
	t.Helper()
	for _, dir := range []string{"internal", "runtime"} {
		dir = filepath.Join(root, dir)
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "gen" && filepath.Dir(path) != dir:
				return filepath.SkipDir // generated code
			case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				expr, _ := n.(ast.Expr)
				text, isText := constant(expr)
				if isText {
					all.add(text)
				}
				return !isText
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (t *texts) add(text string) {
	parts := formatVerb.Split(leadingVerbs.ReplaceAllString(text, ""), -1)
	if len(strings.Fields(strings.Join(parts, " "))) < 3 || !utf8.ValidString(text) {
		return
	}
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = regexp.QuoteMeta(part)
		if len(strings.Fields(part)) > 3 {
			t.parts = append(t.parts, part)
		}
	}
	t.patterns = append(t.patterns, regexp.MustCompile("(?:^|: )"+strings.Join(quoted, ".+")+"$"))
}

// constant returns the value of a string literal, or of several joined by +.
func constant(expr ast.Expr) (text string, ok bool) {
	switch expr := expr.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(expr.Value)
		return text, err == nil && expr.Kind == token.STRING
	case *ast.BinaryExpr:
		left, okLeft := constant(expr.X)
		right, okRight := constant(expr.Y)
		return left + right, okLeft && okRight
	}
	return "", false
}
