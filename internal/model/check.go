package model

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// check returns the problems in the files of a request, their services and their reasons.
func check(r *request, plugin *protogen.Plugin, opts Options) diag.List {
	c := checker{request: r}
	c.problems.Add(opts.PolicyFile.Problems()...)
	c.problems.Add(r.policies.Unmatched(plugin.Files)...)
	isSource := make(map[*protogen.File]bool)
	for _, s := range r.sources {
		isSource[s.File] = true
		c.checkSource(s)
		c.checkModule(s, opts)
		for _, svc := range s.Services {
			c.checkService(svc)
		}
		for _, e := range s.reasons {
			c.checkReasons(e)
		}
	}
	for _, f := range plugin.Files {
		if f.Generate && !isSource[f] {
			c.checkMessageFile(f)
		}
	}
	c.checkOutputs()
	return c.problems
}

// checkService reports the problems in a service and its RPCs: their names and policies.
func (c *checker) checkService(svc *protogen.Service) {
	at := atService(svc)
	if len(svc.Methods) == 0 {
		c.problems.Warnf(at, "it has no RPCs; add one, or remove it")
	}
	c.problems.AddOf(at.Subject, c.policies.Service(svc.Desc))
	places, tools := make(map[string]*protogen.Method), make(map[string]*protogen.Method)
	for _, m := range svc.Methods {
		c.checkMethodName(places, m)
		decision, problems := c.decisionOf(m.Desc)
		c.problems.AddOf(atRPC(m).Subject, problems)
		c.checkTool(tools, m, decision.Policy.Tool.Name)
	}
}

// checkTool reports an RPC that has the tool of an earlier RPC of its service.
func (c *checker) checkTool(tools map[string]*protogen.Method, m *protogen.Method, name string) {
	if name == "" {
		return
	}
	if first := tools[name]; first != nil {
		c.problems.Errorf(atRPC(m), "policy: tool.name: rpc %s is the tool %q already; choose another name",
			first.Desc.Name(), name)
		return
	}
	tools[name] = m
}

// checkReasons reports the problems in the reasons that an enum lists.
func (c *checker) checkReasons(e *protogen.Enum) {
	at := atEnum(e.Desc)
	_, problems := c.policies.Domain(e.Desc)
	c.problems.AddOf(at.Subject, problems)
	for _, v := range reasonsOf(e) {
		if _, err := policy.Reason(v.Desc); err != nil {
			value := positionOf(v.Desc).Of(fmt.Sprintf("%s: value %s", at.Subject, v.Desc.Name()))
			c.problems.Errorf(value, "%v", err)
		}
	}
}
