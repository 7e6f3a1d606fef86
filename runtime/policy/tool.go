package policy

import (
	"strings"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// toolRule is about a single method, because a method must opt in by itself.
func toolRule() rule {
	return rule{name: "tool", isOfMethod: true,
		options: []option[Policy]{
			field("name", text((*faults).tool), func(p *Policy) *string { return &p.Tool.Name }),
			field("description", text((*faults).description),
				func(p *Policy) *string { return &p.Tool.Description }),
			field("destructive", inverse, func(p *Policy) *bool { return &p.Tool.Additive }),
		},
		fits: func(m Method) string {
			if m.ClientStreams {
				return "a call of a tool has one request, and the method streams requests; remove it"
			}
			return ""
		},
		holds: func(_ Method, p *grpcservicev1.Policy) bool { return p.GetTool().GetName() != "" },
		has:   func(p *Policy) bool { return p.Tool.Name != "" },
		take:  func(to, from *Policy) { to.Tool = from.Tool },
		missing: func(f *faults, p *grpcservicev1.Policy) {
			if p.GetTool() != nil && p.GetTool().Name == nil {
				f.add("tool.name", "it is not set; set it to the name that agents call, such as "+
					"\"get_book\", or to \"\" for none")
			}
		},
	}
}

// Limits of a tool, in bytes. Agents send both to their models.
const (
	// maxToolName is what the large models accept.
	maxToolName = 64
	// MaxToolDescription is the maximum length of the description of a tool.
	MaxToolDescription = 4096
)

// tool checks the name of a tool. The empty name stands for no tool.
func (f *faults) tool(path, name string) {
	switch {
	case len(name) > maxToolName:
		f.add(path, "it has %d bytes; use at most %d", len(name), maxToolName)
	case strings.ContainsFunc(name, isNotInWord):
		f.add(path, "%q is not the name of a tool; use letters, digits, '_' and '-', as in \"get_book\"", name)
	}
}

// description checks the description of a tool.
func (f *faults) description(path, text string) {
	if len(text) > MaxToolDescription {
		f.add(path, "it has %d bytes; use at most %d", len(text), MaxToolDescription)
	}
}
