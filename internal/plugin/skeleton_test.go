package plugin_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/internal/workspace"
)

// messagesMod replaces the module of the messages with a writable directory next to the user's
// module.
const messagesMod = "\nreplace example.com/skeleton_added => ../messages\n"

const (
	userMod  = "module example.com/library\n" + messagesMod
	userType = "package service\n\ntype BookService struct{}\n"
)

func textFile(content string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(content), Mode: 0o644}
}

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: 0o777 | fs.ModeSymlink}
}

// TestSkeletonOfUserFiles checks how a run changes user-owned files in various states.
func TestSkeletonOfUserFiles(t *testing.T) {
	const (
		file    = "internal/service/book_service.go"
		missing = "there is no go.mod in or above the directory in which buf or protoc runs"
	)
	for name, tt := range map[string]struct {
		tree    fstest.MapFS
		dir     string // the working directory of buf
		options string // in addition to emit=skeleton
		files   string // the names of the written files
		begins  string // the prefix of the file
		holds   string // a substring that the file has once
		lacks   string // a substring that the file does not have
		err     string
		warning string
	}{
		"nothing": {
			tree: fstest.MapFS{"go.mod": textFile(userMod)}, files: file + " internal/service/book_service_test.go",
			begins: "// Package service implements the services of library.v1.\npackage service\n", holds: ") GetBook(",
		},
		"below the module": {
			tree: fstest.MapFS{"home/go.mod": textFile("module (\n\t\"example.com/home\" // mine\n)\n" + messagesMod)}, dir: "home/books",
			files: file + " internal/service/book_service_test.go", holds: ") GetBook(",
		},
		"module below": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), "internal/go.mod": textFile("module example.com/inner")}, files: file + " internal/service/book_service_test.go",
			holds: ") GetBook(",
		},
		"methods over files": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), file: textFile(userType),
				"internal/service/get.go": textFile("package service\n\nfunc (s *BookService) GetBook() {}\n")},
			files: file, begins: "package service\n\nimport (\n", holds: ") WatchBooks(", warning: "get.go:3:23: method GetBook of BookService has a different signature",
		},
		"CRLF and BOM": {
			tree:  fstest.MapFS{"go.mod": textFile(userMod), file: textFile("\uFEFFpackage service\r\n\r\ntype BookService struct{}\r\n")},
			files: file, begins: "\uFEFFpackage service\r\n\r\nimport (\r\n", holds: ") GetBook(",
		},
		"generic": {
			tree:  fstest.MapFS{"go.mod": textFile(userMod), file: textFile("package service\n\ntype BookService[K any] struct{ k K }\n")},
			files: file, holds: "func (s *BookService[K]) GetBook(",
		},
		"embedded": {
			tree: fstest.MapFS{"go.mod": textFile(userMod),
				file: textFile("package service\n\nimport \"example.com/library/base\"\n\ntype BookService struct{ base.Books }\n"),
				"base/base.go": textFile("package base\n\nimport (\n\t\"context\"\n\n\tpb \"example.com/skeleton_added/library/v1\"\n)\n\ntype Books struct{}\n\n" +
					"func (Books) GetBook(context.Context, *pb.GetBookRequest) (*pb.Book, error) { return nil, nil }\n")},
			files: file, holds: ") WatchBooks(",
		},
		"name clash": {
			tree:  fstest.MapFS{"go.mod": textFile(userMod), file: textFile("package service\n\nvar runtime, libraryv1 int\n\ntype BookService struct{}\n")},
			files: file, holds: "grpcserviceruntime \"github.com/grpcservice/grpcservice/runtime\"",
		},
		"does not parse": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), file: textFile(userType + "\nfunc (\n")}, options: ",app=cmd/server",
			warning: file + ":6:1: ",
		},
		"other package name": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), file: textFile("package books\n\ntype BookService struct{}\n")}, files: file, begins: "package books\n",
			holds: ") GetBook(",
		},
		"read-only": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), file: {Data: []byte(userType), Mode: 0o444}},
			err:  file + ": the file must change, but is read-only; make it writable",
		},
		"type gone, methods not": {
			tree: fstest.MapFS{"go.mod": textFile(userMod),
				"internal/service/get.go": textFile("package service\n\nfunc (s *BookService) GetBook() {}\n\nfunc (s *BookService) runImportBooks() {}\n")},
			files: file + " internal/service/book_service_test.go", holds: ") WatchBooks(", lacks: ") GetBook(",
		},
		"file that an editor has open": {
			tree:  fstest.MapFS{"go.mod": textFile(userMod), file: textFile(userType), "internal/service/.#book_service.go": link("ada@host.1:2")},
			files: file, holds: ") GetBook(",
		},
		"directory of generated code": {
			tree: fstest.MapFS{"go.mod": textFile("module example.com")}, options: ",skeleton_dir=skeleton_added/library/v1",
			err: `parameter skeleton_dir="skeleton_added/library/v1": this directory has the generated code of library.v1.BookService`,
		},
		"no go.mod":        {tree: fstest.MapFS{"README": textFile("")}, err: `parameter skeleton_dir="internal/service": ` + missing},
		"no file system":   {err: `parameter skeleton_dir="internal/service": ` + missing},
		"go.mod of nobody": {tree: fstest.MapFS{"go.mod": textFile("go 1.25.0\n")}, err: "has no module path"},
		"link out of the module": {
			tree: fstest.MapFS{"home/go.mod": textFile(userMod), "home/internal/service": link("../../other"), "other/x.go": textFile("package x\n")}, dir: "home",
			err: `parameter skeleton_dir="internal/service": internal/service: it leaves the module example.com/library through a symbolic link`,
		},
		"absolute link out of the module": {
			tree: fstest.MapFS{"home/go.mod": textFile(userMod), "home/internal": link("/other"), "other/service/x.go": textFile("package x\n")}, dir: "home",
			err: "it leaves the module",
		},
		"link in the module": {
			tree: fstest.MapFS{"home/go.mod": textFile(userMod), "home/internal/service": link("../impl"), "home/impl/b.go": textFile(userType)}, dir: "home",
			files: "internal/service/b.go",
		},
		"file that links out of the module": {
			tree: fstest.MapFS{"home/go.mod": textFile(userMod), "home/" + file: link("../../../other.go"), "other.go": textFile(userType)}, dir: "home",
			err: file + ": it leaves the module",
		},
		"program in another module": {
			tree: fstest.MapFS{"go.mod": textFile(userMod), "cmd/go.mod": textFile("module example.com/cmd")}, options: ",app=cmd/server",
			err: `parameter app="cmd/server": it is in module example.com/cmd`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			request := readCase(t, "skeleton_added").request(t)
			options := tt.options
			if !strings.Contains(options, "skeleton_dir=") {
				options += ",skeleton_dir=internal/service"
			}
			request.Parameter = proto.String("emit=skeleton" + options)
			var tree fs.FS
			if tt.tree != nil {
				tree = tt.tree
			}
			dir := tt.dir
			if dir == "" {
				dir = "."
			}
			got := runIn(t, request, tree, dir)
			if names := strings.Join(slices.Sorted(maps.Keys(got.files)), " "); names != tt.files {
				t.Errorf("written are %q, want %q", names, tt.files)
			}
			if content := got.files[file]; !strings.HasPrefix(content, tt.begins) || tt.holds != "" && strings.Count(content, tt.holds) != 1 {
				t.Errorf("%s should begin with %q and hold %q once; it is\n%s", file, tt.begins, tt.holds, content)
			}
			if tt.lacks != "" && strings.Contains(got.files[file], tt.lacks) {
				t.Errorf("%s should not hold %q; it is\n%s", file, tt.lacks, got.files[file])
			}
			if !strings.Contains(got.err, tt.err) || (tt.err == "") != (got.err == "") {
				t.Errorf("the error is %q, want …%q…", got.err, tt.err)
			}
			if !strings.Contains(got.warnings, tt.warning) || (tt.warning == "") != (got.warnings == "") {
				t.Errorf("the warnings are %q, want …%q…", got.warnings, tt.warning)
			}
		})
	}
}

// TestSkeletonOfVersions checks that services with the same name get types with different names.
func TestSkeletonOfVersions(t *testing.T) {
	c := readCase(t, "skeleton_added")
	request := c.request(t)
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=service,app=cmd/server")
	newer := proto.CloneOf(request.ProtoFile[len(request.ProtoFile)-1])
	newer.Name, newer.Package = proto.String("library/v2/book_service.proto"), proto.String("library.v2")
	newer.Options.GoPackage = proto.String("example.com/skeleton_added/library/v2;libraryv2")
	for _, m := range newer.Service[0].Method {
		m.InputType = proto.String(strings.Replace(m.GetInputType(), "library.v1", "library.v2", 1))
		m.OutputType = proto.String(strings.Replace(m.GetOutputType(), "library.v1", "library.v2", 1))
	}
	request.ProtoFile = append(request.ProtoFile, newer)
	request.FileToGenerate = append(request.FileToGenerate, newer.GetName())
	got := runIn(t, request, fstest.MapFS{"go.mod": textFile(userMod)}, ".")
	if got.err != "" || !strings.Contains(got.files["service/book_service.go"], "var _ libraryv1service.BookService = (*BookService)(nil)") ||
		!strings.Contains(got.files["service/book_service_v2.go"], "var _ libraryv2service.BookService = (*BookServiceV2)(nil)") ||
		!strings.Contains(got.files["cmd/server/main.go"], "libraryv2service.RegisterBookService(srv, service.NewBookServiceV2(operations))") {
		t.Errorf("%s\n%q", got.err, got.files)
	}
}

// TestSkeletonAdvisesOnce checks that a page key that may not be unique is reported only by the run
// that writes the method, and that strict does not make this advice an error.
func TestSkeletonAdvisesOnce(t *testing.T) {
	const advice = "rpc PageKeyService.ListAuthors: the new method sorts pages by name"
	for _, strict := range []string{"", ",strict"} {
		request := readCase(t, "skeleton_page_keys").request(t)
		request.Parameter = proto.String("emit=skeleton,skeleton_dir=service" + strict)
		tree := fstest.MapFS{"go.mod": textFile("module example.com/library\n\nreplace example.com/skeleton_page_keys => ../m\n")}
		first := runIn(t, request, tree, ".")
		if first.err != "" || len(first.files) == 0 || strings.Count(first.warnings, advice) != 1 {
			t.Errorf("%q: first run: %d files, error %q, warnings %q", strict, len(first.files), first.err, first.warnings)
		}
		for name, content := range first.files {
			tree[name] = textFile(content)
		}
		if again := runIn(t, request, tree, "."); again.err != "" || again.warnings != "" || len(again.files) > 0 {
			t.Errorf("%q: second run: %d files, error %q, warnings %q", strict, len(again.files), again.err, again.warnings)
		}
	}
}

// TestSkeletonOnDisk checks cases that require a real file system: a link to itself, and the
// working directory of the process.
func TestSkeletonOnDisk(t *testing.T) {
	request := readCase(t, "skeleton_added").request(t)
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=internal/service")
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"go.mod": userMod})
	makeSymlink(t, "internal", filepath.Join(dir, "internal"))
	t.Chdir(dir)
	tree, at := workspace.Disk()
	if got := runIn(t, request, tree, at); !strings.HasPrefix(got.err, `parameter skeleton_dir="internal/service": `) || len(got.files) > 0 {
		t.Errorf("a link to itself gives the error %q and %d files", got.err, len(got.files))
	}
	request.Parameter = proto.String("emit=skeleton,skeleton_dir=service")
	if got := runIn(t, request, tree, at); got.err != "" || !strings.Contains(got.files["service/book_service_test.go"], `"example.com/library/service"`) {
		t.Errorf("the error is %q and the files %q", got.err, got.files)
	}
}
