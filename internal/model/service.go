package model

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
)

// buildService models one service; lower is what its unexported names begin with.
func (b *builder) buildService(s source, svc *protogen.Service, lower string) Service {
	service := Service{
		Names:      newNames(svc.GoName, lower, s.service),
		Name:       string(svc.Desc.Name()),
		FullName:   string(svc.Desc.FullName()),
		Doc:        docOf(svc.Comments),
		Descriptor: b.ident(s.GoDescriptorIdent),
	}
	if len(service.Doc) == 0 {
		service.Doc = []string{svc.GoName + " is the service " + service.FullName + "."}
	}
	service.Deprecated = deprecationOf(svc.Desc, service.Doc)
	service.Doc = withDeprecation(service.Doc, service.Deprecated)
	for _, m := range svc.Methods {
		method := b.buildMethod(s, m)
		method.FullMethod = "/" + service.FullName + "/" + method.Name
		service.Methods = append(service.Methods, method)
	}
	service.sharePolicy()
	return service
}

// buildMethod models one RPC.
func (b *builder) buildMethod(s source, m *protogen.Method) Method {
	decision, _ := b.decisionOf(m.Desc)
	method := Method{
		Name:    string(m.Desc.Name()),
		GoName:  m.GoName,
		Kind:    kindOf(m.Desc.IsStreamingClient(), m.Desc.IsStreamingServer()),
		Comment: docOf(m.Comments),
		Input:   b.ident(m.Input.GoIdent),
		Output:  b.ident(m.Output.GoIdent),
		Policy:  newPolicy(decision),
		Helper:  b.buildHelper(s, m, decision.Found),
	}
	if len(method.Comment) == 0 {
		method.Comment = []string{m.GoName + plainDoc[method.Kind]}
	}
	method.Deprecated = deprecationOf(m.Desc, method.Comment)
	if h := method.Helper; h != nil {
		h.Doc = withDeprecation(h.Doc, method.Deprecated)
	}
	b.imports(s, m, m.Input.GoIdent, m.Input.Desc)
	b.imports(s, m, m.Output.GoIdent, m.Output.Desc)
	return method
}

// setDoc makes the doc of an RPC, when its helper has got its name.
func (m *Method) setDoc() {
	m.Doc = slices.Clone(m.Comment)
	if m.Helper != nil {
		m.Doc = append(m.Doc, "", "See ["+m.Helper.Name+"].")
	}
	m.Doc = withDeprecation(m.Doc, m.Deprecated)
}

// plainDoc is the comment, behind the name, of an RPC that has none in the proto.
var plainDoc = map[Kind]string{
	Unary:        " takes a request and returns a response.",
	ServerStream: " takes a request and returns a stream of responses.",
	ClientStream: " takes a stream of requests and returns a response.",
	Bidi:         " takes a stream of requests and returns a stream of responses.",
}

// docOf returns the comment of a service or an RPC: the one above it, else the one behind it.
func docOf(comments protogen.CommentSet) []string {
	if lines := commentLines(string(comments.Leading)); len(lines) > 0 {
		return lines
	}
	return commentLines(string(comments.Trailing))
}
