package plugin_test

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/largetree"
	"github.com/grpcservice/grpcservice/internal/plugin"
)

// copies is the directory with copies of the built-in templates, which go/format formats like all
// templates of users.
const copies = "copies_of_templates"

// copiesOfTemplates returns the file system with that directory.
func copiesOfTemplates(t testing.TB) fs.FS {
	t.Helper()
	tree := make(fstest.MapFS)
	for _, name := range gen.TemplateNames() {
		text, found := gen.CopyOf(name)
		if !found {
			t.Fatalf("%s does not exist", name)
		}
		tree[copies+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// exactReport is the report that a run writes without what makes it fast.
const exactReport = "exact_report.json"

// exactly returns a request that the plugin answers without what makes it fast: the formatter for
// the built-in templates, and the pruning of requests.
func exactly(in []byte) []byte {
	request := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(in, request); err != nil {
		whole := protowire.AppendTag(nil, 2, protowire.BytesType)
		return append(protowire.AppendString(whole, "report="+exactReport), in...) // does not decode either
	}
	parameter := "templates=" + copies
	if !strings.Contains(request.GetParameter(), "report=") {
		parameter += ",report=" + exactReport
	}
	exact := protowire.AppendTag(bytes.Clone(in), 2, protowire.BytesType)
	return protowire.AppendString(exact, strings.TrimPrefix(request.GetParameter()+","+parameter, ","))
}

// answerOf returns all that a run of the plugin writes, except the exact report.
func answerOf(t testing.TB, in []byte, tree fs.FS) (code int, response *pluginpb.CodeGeneratorResponse, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = plugin.Run(plugin.Env{
		Stdin: bytes.NewReader(in), Stdout: &out, Stderr: &err, ReadFile: readTestdata, Tree: tree, Dir: ".",
	})
	response = &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(out.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	response.File = slices.DeleteFunc(response.File, func(f *pluginpb.CodeGeneratorResponse_File) bool {
		return f.GetName() == exactReport
	})
	return code, response, err.String()
}

// checkExact checks that what makes the plugin fast changes no byte of its output.
func checkExact(t testing.TB, in []byte, tree fs.FS) {
	t.Helper()
	code, response, stderr := answerOf(t, exactly(in), tree)
	fastCode, fast, fastStderr := answerOf(t, in, tree)
	if code != fastCode || stderr != fastStderr {
		t.Errorf("exit code %d and standard error are\n%s\nwant exit code %d and\n%s", fastCode, fastStderr, code, stderr)
	}
	if diff := cmp.Diff(response, fast, protocmp.Transform()); diff != "" {
		t.Errorf("the response changes (-exact +fast):\n%s", diff)
	}
}

// TestExact checks it for each directory of testdata, and for each with damage in random places.
func TestExact(t *testing.T) {
	const damages = 3
	tree := copiesOfTemplates(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range testCases(t) {
		if strings.Contains(c.options, "templates=") {
			continue // go/format formats them
		}
		t.Run(c.name, func(t *testing.T) {
			in, err := proto.Marshal(c.request(t))
			if err != nil {
				t.Fatal(err)
			}
			checkExact(t, in, tree)
			for range damages {
				damaged := bytes.Clone(in)
				damaged[random.IntN(len(in))] = byte(random.Uint32())
				checkExact(t, damaged, tree)
			}
		})
	}
}

// TestExactForManyFiles checks it for a tree with the shape of googleapis.
func TestExactForManyFiles(t *testing.T) {
	const files = 300
	in, err := proto.Marshal(largetree.Request(files))
	if err != nil {
		t.Fatal(err)
	}
	_, response, stderr := answerOf(t, in, copiesOfTemplates(t))
	if response.Error != nil || len(response.File) < files/5*2 {
		t.Fatalf("%d files, error %q, %s", len(response.File), response.GetError(), stderr)
	}
	checkExact(t, in, copiesOfTemplates(t))
}

// FuzzExact checks it for any request. A run with copies of the templates takes long, so that it
// starts from a few cases.
func FuzzExact(f *testing.F) {
	tree := copiesOfTemplates(f)
	for i, c := range testCases(f) {
		if i%8 != 0 {
			continue
		}
		seed, err := proto.Marshal(c.request(f))
		if err != nil {
			f.Fatal(err)
		}
		if len(seed) < 20_000 {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !bytes.Contains(in, []byte("templates=")) {
			checkExact(t, in, tree)
		}
	})
}
