package skeleton

import (
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// create adds a file with the type that implements a service.
func (m *merger) create(svc Service) {
	e := m.newEdit(m.freeName(svc.File))
	for _, decl := range svc.Decls {
		if _, taken := m.own.names[decl.Name]; taken || m.hasMethod(decl.Name) || decl.Name != "" && m.isImported(decl.Name) {
			continue // svc.Type is free
		}
		e.pieces = append(e.pieces, piece{name: decl.Name, typ: svc.Type, render: decl.Render})
		m.declare(e, decl.Name)
	}
	m.asserted = append(m.asserted, assertion{typ: svc.Type, iface: named{[]golang.Ident{svc.Interface}, true}})
	for _, method := range svc.Methods {
		if !m.hasMethod(svc.Type + "." + method.Name) {
			m.addMethod(e, method, svc.Type)
		}
	}
	m.createTests(svc, e.name)
}

// createTests adds a file with the tests of a new type, unless there is a file of its name.
func (m *merger) createTests(svc Service, beside string) {
	name := strings.TrimSuffix(beside, ".go") + "_test.go"
	if len(svc.Tests) == 0 || m.isTaken(name) {
		return
	}
	e := m.newEdit(name)
	e.test = true
	e.outside = m.own.name != "main" && m.own.path != "."
	for _, decl := range svc.Tests {
		if !m.hasTest(decl.Name) {
			e.pieces = append(e.pieces, piece{name: decl.Name, typ: svc.Type, render: decl.Render})
		}
	}
}
