package skeleton

import (
	"go/build"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzMerge merges two versions of a service into a package with a given file, and with the
// implementing type in one of several forms. All existing code must remain, each RPC must be added
// once, and code that compiled must still compile.
func FuzzMerge(f *testing.F) {
	for i, seed := range seeds(f) {
		f.Add(seed, uint8(i), uint8(i*37), uint8(255-i))
	}
	for i, seed := range oddSeeds {
		for variant := range uint8(len(variants)) {
			f.Add(seed, variant, uint8(0b100110), uint8(0xff-i))
		}
	}
	c := newChecker()
	c.standard = newFewPackages(f)
	f.Fuzz(func(t *testing.T, src string, variant, before, after uint8) {
		if strings.Contains(src, "Rpc") || isLeftOut([]byte(src)) && variant%uint8(len(variants)) == 6 {
			t.Skip("counting RPCs would count those of other types")
		}
		p := Package{Dir: "x", Name: "service", ImportPath: "example.com/x", Files: map[string][]byte{"user.go": []byte(src)}}
		checkRuns(t, c, p, int(variant), "user.go", before, after)
	})
}

// oddSeeds are unusual files.
var oddSeeds = []string{
	"package x",
	"package x; import \"context\"; var _ context.Context; func f() {}",
	"package x; import (\"context\"; \"iter\"); var _ context.Context; var _ iter.Seq[int]",
	"package x\n\nimport (\n\tctx \"context\" // c\n\n\treq \"iter\"\n)\n\nvar _ ctx.Context\nvar _ req.Seq[int]",
	"package x\nimport . \"context\"\nvar _ Context\n",
	"\uFEFFpackage x\r\n\r\nimport \"context\"\r\n\r\n// f\r\nfunc f(runtime context.Context) {}\r\n/* end */",
	"package x\n// #define X 1\nimport \"C\"\nimport (\n)\n",
	"package x\nvar runtime, page, libraryv1, libraryv1service, s, ctx, req, reqs = 1, 2, 3, 4, 5, 6, 7, 8",
	"package x\ntype any int\ntype error interface{}\nconst nil = 0",
	"package x\nconst BookService = 1\nfunc NewBookService() {}",
	"package x\nfunc NewBookService() {}\n//line y.go:100\nvar a = `\n`",
	"package x /*\n*/; import \"context\" /*\n*/; var _ context.Context /* \n */",
	"//go:build ignore\n\npackage x\nfunc {",
	"package x\nfunc {",
}

// fewPackages imports two fictitious packages, and no others.
type fewPackages map[string]*types.Package

func newFewPackages(f *testing.F) fewPackages {
	f.Helper()
	packages := make(fewPackages)
	for path, source := range map[string]string{
		"context": "package context\ntype Context interface{ Err() error }",
		"iter":    "package iter\ntype Seq[V any] func(yield func(V) bool)\ntype Seq2[K, V any] func(yield func(K, V) bool)",
	} {
		p, err := (&checker{fset: token.NewFileSet()}).check(path, map[string][]byte{"x.go": []byte(source)})
		if err != nil {
			f.Fatal(err)
		}
		packages[path] = p
	}
	return packages
}

func (few fewPackages) Import(path string) (*types.Package, error) {
	if p := few[path]; p != nil {
		return p, nil
	}
	return nil, os.ErrNotExist
}

// seeds returns files of this repository and of the standard library.
func seeds(f *testing.F) (list []string) {
	f.Helper()
	const largest, step = 10_000, 5
	var paths []string
	for _, pattern := range []string{"../../runtime/*.go", "../../runtime/*/*.go", "../../internal/*/*.go", "*/*.go", "*/*/*.go"} {
		if !strings.HasPrefix(pattern, "../") {
			pattern = filepath.Join(build.Default.GOROOT, "src", pattern)
		}
		found, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for i := 0; i < len(found); i += step * (1 + len(found)/200) {
			paths = append(paths, found[i])
		}
	}
	for _, path := range paths {
		if content, err := os.ReadFile(path); err == nil && len(content) < largest {
			list = append(list, string(content))
		}
	}
	if len(list) < 100 {
		f.Fatalf("there are %d seeds", len(list))
	}
	return list
}
