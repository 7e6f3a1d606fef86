package skeleton

import (
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// Merge returns the files of a user's package that need a change, so that it implements some
// services, and what else the user should know. The reader serves to find methods of types that the
// user embeds from other packages of their module; it may be nil.
func Merge(p Package, services []Service, read Reader) Result {
	if p.ImportPath == "" {
		p.ImportPath = "." // not the path of any package
	}
	m := &merger{in: p, services: services, owners: make(map[string][]Service), files: make(map[string][]byte)}
	own := parsePackage(p, &m.problems)
	m.world = &world{own: own, names: packageNames(services), read: read, loaded: make(map[string]*pkg)}
	if !own.broken {
		m.asserted = m.assertions()
		for _, svc := range services {
			m.merge(svc)
		}
		m.warnOfGone()
		m.write()
	}
	return Result{Files: m.files, Problems: m.problems.Sorted()}
}

// packageNames returns the names of the packages that services refer to, by import path.
func packageNames(services []Service) map[string]string {
	names := map[string]string{contextIdent.Path: contextIdent.Package, streamIdent.Path: streamIdent.Package, seqIdent.Path: seqIdent.Package}
	for _, svc := range services {
		names[svc.Interface.Path] = svc.Interface.Package
		for _, method := range svc.Methods {
			names[method.Input.Path] = method.Input.Package
			names[method.Output.Path] = method.Output.Package
		}
	}
	return names
}

// merge determines what one service lacks.
func (m *merger) merge(svc Service) {
	typ, ok := m.find(svc)
	switch {
	case !ok:
	case typ == "":
		m.create(svc)
	default:
		m.owners[typ] = append(m.owners[typ], svc)
		m.complete(svc, typ)
	}
}

// write applies all edits, in the order of the services, so that imports have the same names each
// time.
func (m *merger) write() {
	for _, e := range m.edits {
		if content := m.apply(e); content != nil {
			m.files[e.name] = content
		}
	}
}

// warnOfGone warns of methods that look like RPCs which no service of their type has.
func (m *merger) warnOfGone() {
	for _, typ := range slices.Sorted(maps.Keys(m.owners)) {
		if !m.implementsOthers(typ) {
			m.warnOfGoneFrom(typ, m.owners[typ])
		}
	}
}

// implementsOthers reports whether a type is asserted to implement an interface other than those of
// the services. Its methods may belong to that interface.
func (m *merger) implementsOthers(typ string) bool {
	return slices.ContainsFunc(m.asserted, func(a assertion) bool {
		if a.typ != typ || len(a.iface.ids) == 1 && a.iface.sure && m.isStandard(a.iface.ids[0].Path) {
			return false
		}
		return !slices.ContainsFunc(m.services, func(svc Service) bool { return a.iface.is(svc.Interface) })
	})
}

func (m *merger) warnOfGoneFrom(typ string, services []Service) {
	rpcs, requests, packages := known(services)
	for _, have := range m.own.methodsOf(typ) {
		name := have.name.Name
		if rpcs[name] || have.file.test || !have.name.IsExported() {
			continue
		}
		request, ok := m.looksLikeRPC(m.own, have, packages)
		if !ok || requests[request] && request.Name != name+"Request" {
			continue // helpers of an RPC often take its request
		}
		m.problems.Warnf(have.file.at(have.name.Pos()), "RPC %s no longer exists in %s, but method %s of %s has the signature of an RPC; "+
			"remove the method, or start its name with a lower-case letter", name, serviceNames(services), name, typ)
	}
}

// known returns the names of the RPCs of services, their requests, and the packages of their
// messages.
func known(services []Service) (rpcs map[string]bool, requests map[golang.Ident]bool, packages map[string]bool) {
	rpcs, requests, packages = make(map[string]bool), make(map[golang.Ident]bool), make(map[string]bool)
	for _, svc := range services {
		for _, path := range svc.Packages {
			packages[path] = true
		}
		for _, method := range svc.Methods {
			rpcs[method.Name] = true
			requests[golang.Ident{Name: method.Input.Name, Path: method.Input.Path}] = true
			packages[method.Input.Path] = !isForeign(method.Input.Path)
			packages[method.Output.Path] = !isForeign(method.Output.Path)
		}
	}
	return rpcs, requests, packages
}

func serviceNames(services []Service) string {
	names := services[0].Name
	for _, svc := range services[1:] {
		names += " or " + svc.Name
	}
	return names
}
