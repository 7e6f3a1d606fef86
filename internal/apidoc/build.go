package apidoc

import (
	"cmp"
	"path"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/apidoc/markup"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Build returns the references of the proto packages with services, ordered by directory and
// package. The files are the models of the plugin's files.
func Build(plugin *protogen.Plugin, files []model.File) (all []Reference) {
	protos := newIndex(plugin)
	for _, group := range groupFiles(protos, files) {
		b := &builder{index: protos, files: group}
		all = append(all, b.reference())
	}
	return all
}

// groupFiles groups the files with services by the page that describes them.
func groupFiles(protos *index, files []model.File) (groups [][]model.File) {
	type page struct{ dir, pkg string }
	pageOf := func(f model.File) page {
		return page{dirOf(f), string(protos.files[f.Source].Desc.Package())}
	}
	place := make(map[page]int)
	for _, f := range files {
		if len(f.Services) == 0 {
			continue
		}
		at, found := place[pageOf(f)]
		if !found {
			at, groups = len(groups), append(groups, nil)
			place[pageOf(f)] = at
		}
		groups[at] = append(groups[at], f)
	}
	slices.SortStableFunc(groups, func(a, b []model.File) int {
		x, y := pageOf(a[0]), pageOf(b[0])
		return cmp.Or(cmp.Compare(x.dir, y.dir), cmp.Compare(x.pkg, y.pkg))
	})
	return groups
}

// dirOf returns the directory of a file's pages: that of its Go packages.
func dirOf(f model.File) string { return path.Dir(path.Dir(f.Service.File)) }

// builder builds one reference.
type builder struct {
	*index
	files []model.File
	pkg   protoreflect.FullName
	uses  uses
	calls []call
}

// call is an RPC with its model.
type call struct {
	file    model.File
	service model.Service
	model.Method
	desc *protogen.Method
}

func (b *builder) reference() Reference {
	first := b.index.files[b.files[0].Source]
	b.pkg = first.Desc.Package()
	r := Reference{Package: string(b.pkg), Dir: dirOf(b.files[0])}
	for _, f := range b.files {
		if doc := packageDoc(b.index.files[f.Source]); len(doc) > 0 && len(r.Doc) == 0 {
			r.Doc = doc
		}
		for i, s := range b.index.files[f.Source].Services {
			for j, m := range s.Methods {
				b.calls = append(b.calls, call{f, f.Services[i], f.Services[i].Methods[j], m})
			}
		}
	}
	b.uses = b.usesOf(b.calls)
	for _, f := range b.files {
		for i, s := range b.index.files[f.Source].Services {
			r.Services = append(r.Services, b.service(f, f.Services[i], s))
		}
	}
	r.Messages, r.Enums = b.types(b.calls)
	r.Calls = diagramOf(r.Services, b.relations(b.calls))
	return r
}

// packageDoc returns the comment of the package statement.
func packageDoc(f *protogen.File) markup.Text {
	const packageNumber = 2 // the field "package" of FileDescriptorProto
	at := f.Desc.SourceLocations().ByPath(protoreflect.SourcePath{packageNumber})
	return markup.Parse(model.VisibleLines(at.LeadingComments))
}

func (b *builder) service(f model.File, s model.Service, desc *protogen.Service) Service {
	var calls []call
	for _, c := range b.calls {
		if c.service.FullName == s.FullName {
			calls = append(calls, c)
		}
	}
	service := Service{
		Name: s.Name, FullName: s.FullName, Source: f.Source,
		Doc: docOf(desc.Comments), Deprecated: s.Deprecated != "",
		Facts: serviceFacts(s), Reasons: ownReasons(f), Failures: commonReasons(calls),
	}
	e := newExamples(b, f, s)
	for _, c := range calls {
		service.RPCs = append(service.RPCs, b.rpc(c, e))
	}
	service.Connect, service.Imports = e.connect(s, calls), e.imports.list()
	service.Messages, service.Enums = b.types(calls)
	service.Calls = diagramOf([]Service{service}, b.relations(calls))
	return service
}

func (b *builder) rpc(c call, e *examples) RPC {
	rpc := RPC{
		Name: c.Name, FullName: c.service.FullName + "." + c.Name, Path: c.FullMethod,
		Kind: kindNames[c.Kind], Doc: docOf(c.desc.Comments), Deprecated: c.Deprecated != "",
		Access: access(c.Policy.Policy), Facts: b.facts(c), Reasons: b.reasons(c),
		Request:  b.payload("Request", c.desc.Input, c.Kind.StreamsRequests()),
		Response: b.payload("Response", c.desc.Output, c.Kind.StreamsResponses()),
	}
	rpc.Signature = "rpc " + c.Name + "(" + signatureOf(rpc.Request) + ") returns (" + signatureOf(rpc.Response) + ")"
	rpc.Grpcurl, rpc.Go = e.grpcurl(c), e.goCall(c)
	return rpc
}

// kindNames are the kinds of RPCs, as the reference spells them.
var kindNames = map[model.Kind]string{
	model.Unary: "unary", model.ServerStream: "server stream", model.ClientStream: "client stream",
	model.Bidi: "bidi stream",
}

func signatureOf(p Payload) string {
	if p.Stream {
		return "stream " + p.Type.Name
	}
	return p.Type.Name
}

func (b *builder) payload(role string, m *protogen.Message, streams bool) Payload {
	p := Payload{Role: role, Stream: streams, Type: b.messageType(m.Desc)}
	if b.uses.isShownWithRPC(m.Desc.FullName()) {
		message := b.message(m)
		p.Message = &message
	}
	return p
}

// docOf returns the leading comment of a declaration, or else its trailing comment.
func docOf(comments protogen.CommentSet) markup.Text {
	if doc := markup.Parse(model.VisibleLines(string(comments.Leading))); len(doc) > 0 {
		return doc
	}
	return markup.Parse(model.VisibleLines(string(comments.Trailing)))
}
