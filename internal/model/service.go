package model

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/policy"
)

// buildService models one service. The prefix of its unexported names is lower.
func (b *builder) buildService(s source, svc *protogen.Service, lower string) Service {
	service := Service{
		Names:      newNames(svc.GoName, lower, s.service),
		Name:       string(svc.Desc.Name()),
		FullName:   string(svc.Desc.FullName()),
		Doc:        docOf(svc.Comments),
		Descriptor: b.ident(s.GoDescriptorIdent),
		Balancing:  b.policies.Balancing(svc.Desc),
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
	service.Comments = b.toolComments(svc)
	return service
}

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

func (b *builder) buildReasons(e *protogen.Enum) Reasons {
	domain, _ := b.policies.Domain(e.Desc)
	reasons := Reasons{Doc: docOf(e.Comments)}
	if len(reasons.Doc) == 0 {
		reasons.Doc = []string{fmt.Sprintf("Error reasons of %s.", e.Desc.FullName())}
	}
	for _, v := range reasonsOf(e) {
		if reason, err := policy.Reason(v.Desc); err == nil {
			reasons.Values = append(reasons.Values, newReason(e, v, domain, reason))
		}
	}
	return reasons
}
