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
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/largetree"
	"github.com/grpcservice/grpcservice/internal/plugin"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
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

// TestExactWithoutOptions checks it for each directory of testdata without the options of this
// project, which keep all messages of a request, and for each with changes of random declarations.
func TestExactWithoutOptions(t *testing.T) {
	const changes = 2
	tree := copiesOfTemplates(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range testCases(t) {
		if strings.Contains(c.options, "templates=") {
			continue // go/format formats them
		}
		t.Run(c.name, func(t *testing.T) {
			request := c.request(t)
			checkExact(t, withoutOptions(t, request, nil), tree)
			for range changes {
				checkExact(t, withoutOptions(t, request, random), tree)
			}
		})
	}
}

// withoutOptions encodes a request without the options of this project, the policy file and the
// report. If random is set, it changes a declaration.
func withoutOptions(t testing.TB, whole *pluginpb.CodeGeneratorRequest, random *rand.Rand) []byte {
	t.Helper()
	request := proto.Clone(whole).(*pluginpb.CodeGeneratorRequest)
	var parameters []string
	for parameter := range strings.SplitSeq(request.GetParameter(), ",") {
		if !strings.HasPrefix(parameter, "policy=") && !strings.HasPrefix(parameter, "report=") {
			parameters = append(parameters, parameter)
		}
	}
	request.Parameter = proto.String(strings.Join(parameters, ","))
	for _, f := range request.ProtoFile {
		eachMessage(f.ProtoReflect(), func(m protoreflect.Message) {
			switch options := m.Interface().(type) {
			case *descriptorpb.MethodOptions:
				clearOption(options, grpcservicev1.E_Method)
			case *descriptorpb.ServiceOptions:
				clearOption(options, grpcservicev1.E_Service)
			case *descriptorpb.EnumOptions:
				clearOption(options, grpcservicev1.E_Reasons)
			}
		})
	}
	if random != nil {
		changeDeclaration(request, random)
	}
	in, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// clearOption removes an option, decoded or not.
func clearOption(options proto.Message, option protoreflect.ExtensionType) {
	proto.ClearExtension(options, option)
	var kept []byte
	for rest := []byte(options.ProtoReflect().GetUnknown()); len(rest) > 0; {
		number, _, size := protowire.ConsumeField(rest)
		if number != option.TypeDescriptor().Number() {
			kept = append(kept, rest[:size]...)
		}
		rest = rest[size:]
	}
	options.ProtoReflect().SetUnknown(kept)
}

// eachMessage calls do for a message and those that it contains.
func eachMessage(m protoreflect.Message, do func(protoreflect.Message)) {
	do(m)
	m.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case fd.Message() == nil || fd.IsMap():
		case fd.IsList():
			for i := range value.List().Len() {
				eachMessage(value.List().Get(i).Message(), do)
			}
		default:
			eachMessage(value.Message(), do)
		}
		return true
	})
}

// changeDeclaration changes a field of a random declaration: to another value, or to that of another
// declaration of the request.
func changeDeclaration(request *pluginpb.CodeGeneratorRequest, random *rand.Rand) {
	var all []protoreflect.Message
	for _, f := range request.ProtoFile {
		eachMessage(f.ProtoReflect(), func(m protoreflect.Message) {
			switch m.Interface().(type) {
			case *descriptorpb.SourceCodeInfo, *descriptorpb.SourceCodeInfo_Location:
			default:
				all = append(all, m)
			}
		})
	}
	for range 20 {
		m, other := all[random.IntN(len(all))], all[random.IntN(len(all))]
		fields := m.Descriptor().Fields()
		fd := fields.Get(random.IntN(fields.Len()))
		switch {
		case random.IntN(3) == 0 && m.Has(fd):
			m.Clear(fd)
		case m.Descriptor() == other.Descriptor() && other.Has(fd) && random.IntN(2) == 0:
			m.Set(fd, other.Get(fd))
		case fd.IsList() || fd.Message() != nil:
			continue
		case fd.Kind() == protoreflect.StringKind:
			texts := []string{"token", "next_page_token", "done", "requests", "Status", "request_id", "a", "", "1", ".google.protobuf.Any", "BatchGet"}
			m.Set(fd, protoreflect.ValueOfString(texts[random.IntN(len(texts))]))
		case fd.Kind() == protoreflect.Int32Kind:
			m.Set(fd, protoreflect.ValueOfInt32(int32(random.IntN(5)-1)))
		case fd.Kind() == protoreflect.BoolKind:
			m.Set(fd, protoreflect.ValueOfBool(random.IntN(2) == 0))
		case fd.Kind() == protoreflect.EnumKind:
			m.Set(fd, protoreflect.ValueOfEnum(protoreflect.EnumNumber(random.IntN(20))))
		}
		return
	}
}

// FuzzExactWithoutOptions checks it for any changes of the cases of patterns. A seed of 0 changes
// nothing.
func FuzzExactWithoutOptions(f *testing.F) {
	tree := copiesOfTemplates(f)
	var requests []*pluginpb.CodeGeneratorRequest
	for _, c := range testCases(f) {
		if strings.HasPrefix(c.name, "pattern_") || strings.HasPrefix(c.name, "stream_") || strings.HasPrefix(c.name, "torture_") {
			requests = append(requests, c.request(f))
		}
	}
	f.Add(uint(0), uint64(1), uint(1))
	f.Fuzz(func(t *testing.T, n uint, seed uint64, changes uint) {
		request := requests[n%uint(len(requests))]
		random := rand.New(rand.NewPCG(seed, 0))
		for range changes % 4 {
			changed := &pluginpb.CodeGeneratorRequest{}
			if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(withoutOptions(t, request, random), changed); err != nil {
				t.Fatal(err)
			}
			request = changed
		}
		checkExact(t, withoutOptions(t, request, nil), tree)
	})
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
