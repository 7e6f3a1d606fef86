package plugin_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/gofeaturespb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/plugin"
)

const testdata = "../../testdata"

// edition2024 is the first line of a proto that the plugin must get as edition 2024. The compiler
// must read it as edition 2023, the latest one that it supports.
const edition2024 = "// harness: edition 2024\n"

// testCase is a directory of testdata: protos, the plugin's parameter in a file called options, and
// the wanted output.
type testCase struct {
	name    string
	dir     string
	options string
	protos  []string
}

// testCases returns a test case for each directory of testdata.
func testCases(t testing.TB) []testCase {
	t.Helper()
	dirs, err := os.ReadDir(testdata)
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	for _, dir := range dirs {
		if dir.IsDir() {
			cases = append(cases, readCase(t, dir.Name()))
		}
	}
	return cases
}

func readCase(t testing.TB, name string) testCase {
	t.Helper()
	c := testCase{name: name, dir: filepath.Join(testdata, name)}
	options, err := os.ReadFile(filepath.Join(c.dir, "options"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	c.options = strings.TrimSuffix(string(options), "\n")
	for path := range readTree(t, c.dir) {
		if strings.HasSuffix(path, ".proto") && !strings.HasPrefix(path, "want/") {
			c.protos = append(c.protos, path)
		}
	}
	slices.Sort(c.protos)
	return c
}

// readTree returns the files below dir, by slash-separated path.
func readTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

// writeTree writes files below dir.
func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// request compiles the protos of the test case into the request that buf would send.
func (c testCase) request(t testing.TB) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			protocompile.ResolverFunc(findGoFeatures),
			&protocompile.SourceResolver{ImportPaths: []string{c.dir, "../../proto"}},
			protocompile.ResolverFunc(findGoogle),
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), c.protos...)
	if err != nil {
		t.Fatal(err)
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: c.protos}
	if c.options != "" {
		request.Parameter = proto.String(c.options)
	}
	seen := make(map[string]bool)
	for _, file := range files {
		request.ProtoFile = c.appendFile(t, request.ProtoFile, file, seen)
	}
	return request
}

// findGoFeatures resolves the proto that declares the features of protoc-gen-go.
func findGoFeatures(path string) (protocompile.SearchResult, error) {
	if path != gofeaturespb.File_google_protobuf_go_features_proto.Path() {
		return protocompile.SearchResult{}, fs.ErrNotExist
	}
	return protocompile.SearchResult{Proto: protodesc.ToFileDescriptorProto(gofeaturespb.File_google_protobuf_go_features_proto)}, nil
}

// appendFile appends file after all its imports, each once.
func (c testCase) appendFile(t testing.TB, protos []*descriptorpb.FileDescriptorProto, file protoreflect.FileDescriptor, seen map[string]bool) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	if seen[file.Path()] {
		return protos
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		protos = c.appendFile(t, protos, file.Imports().Get(i).FileDescriptor, seen)
	}
	desc := proto.CloneOf(descriptorOf(file))
	if slices.Contains(c.protos, file.Path()) {
		text, err := os.ReadFile(filepath.Join(c.dir, file.Path()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), edition2024) {
			desc.Edition = descriptorpb.Edition_EDITION_2024.Enum()
		}
	}
	return append(protos, desc)
}

func descriptorOf(file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	if linked, ok := file.(linker.File); ok {
		return protoutil.ProtoFromFileDescriptor(linked)
	}
	return protodesc.ToFileDescriptorProto(file)
}

// result is the result of a run of the plugin.
type result struct {
	files    map[string]string
	err      string
	warnings string
}

// run runs the plugin in this process, with testdata as the working directory, and checks the
// invariants of every response.
func run(t testing.TB, request *pluginpb.CodeGeneratorRequest) result {
	t.Helper()
	return runIn(t, request, os.DirFS(testdata), ".")
}

// runIn runs the plugin with a directory of a file system as the working directory.
func runIn(t testing.TB, request *pluginpb.CodeGeneratorRequest, tree fs.FS, dir string) result {
	t.Helper()
	return runEnv(t, request, plugin.Env{ReadFile: readTestdata, Tree: tree, Dir: dir})
}

// runEnv runs the plugin on a request, with the file system of env.
func runEnv(t testing.TB, request *pluginpb.CodeGeneratorRequest, env plugin.Env) result {
	t.Helper()
	in, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	env.Stdin, env.Stdout, env.Stderr = bytes.NewReader(in), &stdout, &stderr
	if code := plugin.Run(env); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	checkFeatures(t, response)
	if response.Error != nil && len(response.File) > 0 {
		t.Errorf("the response has an error and %d files", len(response.File))
	}
	r := result{files: make(map[string]string), err: response.GetError(), warnings: stderr.String()}
	for _, file := range response.File {
		if _, again := r.files[file.GetName()]; again {
			t.Errorf("the response has %s twice", file.GetName())
		}
		r.files[file.GetName()] = file.GetContent()
	}
	return r
}

// readTestdata reads a file by its path relative to testdata.
func readTestdata(path string) ([]byte, error) { return fs.ReadFile(os.DirFS(testdata), path) }

// checkFeatures checks that the response declares the features and editions that buf and protoc
// require, even with an error.
func checkFeatures(t testing.TB, response *pluginpb.CodeGeneratorResponse) {
	t.Helper()
	if got, want := response.GetSupportedFeatures(), uint64(3); got != want {
		t.Errorf("supported features are %d, want %d", got, want)
	}
	minimum, maximum := descriptorpb.Edition(response.GetMinimumEdition()), descriptorpb.Edition(response.GetMaximumEdition())
	if minimum != descriptorpb.Edition_EDITION_PROTO2 || maximum != descriptorpb.Edition_EDITION_2024 {
		t.Errorf("supported editions are %v to %v", minimum, maximum)
	}
}

// makeSymlink creates a symbolic link. If that fails, it skips the test, or fails it in CI.
func makeSymlink(t *testing.T, target, link string) {
	t.Helper()
	err := os.Symlink(target, link)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}
