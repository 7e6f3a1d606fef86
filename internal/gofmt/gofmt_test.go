package gofmt_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/gofmt"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// compare compares the result for a text with that of package go/format. It reports false if there
// is nothing to compare.
func compare(t *testing.T, text string) bool {
	t.Helper()
	got, ok := gofmt.Source([]byte(text))
	if !ok {
		return false
	}
	want, err := golang.Format([]byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Fatalf("%s\nis formatted differently (-go/format +got):\n%s", text, diff)
	}
	return true
}

// TestSource compares what the templates write. TestGolden in package plugin compares whole files.
func TestSource(t *testing.T) {
	for name, text := range map[string]string{
		"header":            "// Code generated.\n// Source: a.proto\n\n\n//lint:file-ignore SA1019 x\n\n// Package p.\npackage p\n\n\nimport (\n\n\"context\"\n\nb \"a/b\"\n)\n",
		"declarations":      "package p\nimport (\n\"a\"\n)\nconst A = 1\nconst B = 2\n// C.\nconst C = 3\nvar d = 1\n\n\n\nvar e = 2\nfunc f() {\nreturn\n}\nfunc g() {\nreturn\n}\n",
		"constants":         "package p\nconst (\nA = \"a\"\nLonger = \"b\"\n// C.\nC = \"c\"\n\nDD = \"d\"\n)\n",
		"typed constants":   "package p\nconst (\nA T = \"a\"\nLonger pkg.T = \"b\"\n)\n",
		"fields":            "package p\ntype T struct {\na *b.C\nlonger func(int) (string, error)\n}\n",
		"one field":         "package p\ntype T struct {\na *b.C\n}\n",
		"no fields":         "package p\ntype T struct {\n}\ntype U interface {\n}\ntype V struct{}\n",
		"short struct":      "package p\ntype T struct{ funcs FakeAbcdefghijklmnopqrstuvwxy }\n",
		"long struct":       "package p\ntype T struct{ funcs FakeAbcdefghijklmnopqrstuvwxyz }\n",
		"short literal":     "package p\nfunc f() {\n\tx.Check(t, service, func(r grpc.ServiceRegistrar) { " + strings.Repeat("a", 66) + "() }, opts...)\n}\n",
		"long literal":      "package p\nfunc f() {\n\tx.Check(t, service, func(r grpc.ServiceRegistrar) { " + strings.Repeat("a", 67) + "() }, opts...)\n}\n",
		"calls":             "package p\nvar a = f(b, c,\nd(1, T{\nA: 1,\nLonger: 2,\n}),\ne(2, g.With(T{})),\n)\n",
		"no arguments left": "package p\nvar a = f(b, c,\n)\nvar b = f(\nc,\n)\n",
		"empty literal":     "package p\nfunc f() {\n\treturn &T{\n\t}\n}\n",
		"long keys":         "package p\nvar a = T{\nA: 1,\nBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: 2,\nCccc: 3,\n}\n",
		"several keys":      "package p\nvar a = T{\nA: 1, Bbb: 2, C: \"a, b\",\nDddd: 4,\nE: 5,\n}\n",
		"methods":           "package p\ntype T interface {\n// A does.\nA(x)\nB(x)\n\n// C does.\n// \n// See [B].\nC(x)\n}\n",
		"comments":          "package p\n// A is:\n//  - one\n//  - two\n// \n// Heading\n// \n// and ``text''.\n//   code\nconst A = 1\ntype T interface {\n// # B\n// * c\nB()\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if !compare(t, text) {
				t.Errorf("it is not known:\n%s", text)
			}
		})
	}
}

// TestUnknown checks that Source rejects what it cannot format.
func TestUnknown(t *testing.T) {
	for name, text := range map[string]string{
		"raw string":       "package p\nvar a = `b`\n",
		"rune":             "package p\nvar a = 'b'\n",
		"line comment":     "package p\nvar a = 1 // b\n",
		"general comment":  "package p\nvar a = /* b */ 1\n",
		"comment in code":  "package p\nfunc f() {\n// a\nreturn\n}\n",
		"comment at end":   "package p\n// a\n",
		"directive":        "package p\n//go:generate x\nvar a = 1\n",
		"loose comment":    "package p\n\n// a\n\nvar a = 1\n",
		"statements":       "package p\nfunc f() {\na(); b()\n}\n",
		"spaces":           "package p\nvar a  = 1\n",
		"open":             "package p\nvar a = f(\n",
		"closed":           "package p\n)\n",
		"two open":         "package p\nvar a = f(T{\nA: 1,\n},\n2)\n",
		"other constants":  "package p\nconst (\nA = iota\nB\n)\n",
		"blank in call":    "package p\nvar a = f(\n\nb,\n)\n",
		"blank before end": "package p\nvar a = T{\nA: 1,\n\n}\n",
		"expression":       "package p\nx\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := gofmt.Source([]byte(text)); ok {
				t.Errorf("it is known:\n%s", got)
			}
		})
	}
}

// TestKeys compares composite literals with keys of random lengths and random line breaks.
func TestKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	lengths := []int{1, 2, 5, 15, 39, 40, 41, 60, 100, 101, 150}
	for range 3000 {
		var text strings.Builder
		text.WriteString("package p\nvar a = T{\n")
		for range 1 + random.IntN(8) {
			for range 1 + random.IntN(5)/3 {
				key := strings.Repeat("K", lengths[random.IntN(len(lengths))])
				value := []string{"1", `"a, b"`, "f(1, 2)", "U{\nA: 1,\nBb: 2,\n}"}[random.IntN(4)]
				fmt.Fprintf(&text, "%s: %s,", key, value)
				if strings.HasPrefix(value, "U") {
					break
				}
				text.WriteString(" ")
			}
			text.WriteString("\n")
			if random.IntN(6) == 0 {
				text.WriteString("\nLast: 1,\n")
			}
		}
		text.WriteString("}\n")
		if !compare(t, text.String()) {
			t.Fatalf("it is not known:\n%s", &text)
		}
	}
}

// FuzzComments compares comments above a declaration and above the method of an interface.
func FuzzComments(f *testing.F) {
	for _, seed := range []string{
		"A does.", "A does.\n\nSee [B].", "# Heading\n\ntext", "Heading\n\ntext", "text\n\nHeading\n\ntext",
		" - a\n - b", "1. a\n2. b", "[x]: http://a", "a [x] b [y.Z] [*T]", "``a'' ```b```", "\tcode\n\n\n\tcode",
		"a\n\n\nb", "\na\n", "go:generate x", "a\n   b\nc", "Deprecated: no.", "é\n\nÉ\n\nf", "*", "a:\n- b\n- c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar || r == '\uFEFF' {
				return 'x'
			}
			return r
		}, text)
		var doc string
		for line := range strings.SplitSeq(clean, "\n") {
			doc += "// " + strings.TrimRightFunc(line, unicode.IsSpace) + "\n"
		}
		compare(t, "package p\n"+doc+"const A = 1\n\ntype T interface {\n"+doc+"M()\n}\n")
	})
}
