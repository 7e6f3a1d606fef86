package view

import (
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// OfFile returns the view of a file.
func OfFile(f model.File) File {
	return File{
		Source: f.Source, Descriptor: f.Descriptor, Service: Output(f.Service), Test: Output(f.Test), Adapters: Output(f.Adapters),
		Services: each(f.Services, ofService), Reasons: each(f.Reasons, ofReasons),
	}
}

// OfImplementation returns the view of an implementation.
func OfImplementation(i model.Implementation) Implementation {
	return Implementation{
		Service: ofService(i.Service), ProtoPackage: i.ProtoPackage, Messages: i.Messages, Type: i.Type,
		Constructor: i.Constructor, File: i.File, Test: Output(i.Test),
		Dependencies: each(i.Dependencies(), ofDependency), ConstructorDoc: i.ConstructorDoc(),
	}
}

// OfMethodStub returns the view of the starter code of a method.
func OfMethodStub(m model.MethodStub) MethodStub {
	return MethodStub{Method: ofMethod(m.Method, m.Of.Service), Of: OfImplementation(m.Of)}
}

// OfApp returns the view of a program.
func OfApp(a model.App) App {
	return App{
		Command: a.Command, Package: a.Package, Services: each(a.Services, ofAppService),
		Names: a.Names(), Doc: a.Doc(), Dependencies: each(a.Dependencies(), ofDependency),
		HasTokens: a.HasTokens(), HasIdempotencyKeys: a.HasIdempotencyKeys(),
		RequiresAuthentication: a.RequiresAuthentication(), Validates: a.Validates(),
		RequiresPermissions: a.RequiresPermissions(),
		Sources:             a.Sources(), ServesHTTP: a.ServesHTTP,
	}
}

func ofAppService(s model.AppService) AppService {
	return AppService{
		Implementation: OfImplementation(s.Implementation),
		New:            s.New, CanMake: s.CanMake,
		Arguments: each(s.Arguments, func(d model.Dependency) string { return d.Name }),
	}
}

func ofDependency(d model.Dependency) Dependency {
	in := func(name string) *golang.Ident {
		if name == "" {
			return nil
		}
		id := d.In(name)
		return &id
	}
	return Dependency{
		Name: d.Name, Type: d.GoType().Ident, Types: d.Types,
		New: d.In(d.New), Store: in(d.Store), Register: in(d.Register), TODO: d.TODO,
	}
}

func ofService(s model.Service) Service {
	methods := each(s.Methods, func(m model.Method) Method { return ofMethod(m, s) })
	return Service{
		Names: ofNames(s.Names), Stock: stockOf(s), Name: s.Name, FullName: s.FullName, Doc: s.Doc, Deprecated: s.Deprecated,
		Descriptor: s.Descriptor, Methods: methods, Policy: ofPolicy(s.Policy),
		SharesPolicy: s.SharesPolicy(), StartsOperations: s.StartsOperations(),
		Balancing: s.Balancing.Balancing, HasBalancing: s.HasBalancing(),
		Comments: each(s.Comments, func(c model.Comment) Comment { return Comment(c) }),
	}
}

// stockOf returns the names of protoc-gen-go-grpc, which writes to the package of the messages.
func stockOf(s model.Service) Stock {
	name := func(before, after string) golang.Ident {
		return golang.Ident{Name: before + s.Interface.Name + after, Package: s.Descriptor.Package, Path: s.Descriptor.Path}
	}
	return Stock{Server: name("", "Server"), Unimplemented: name("Unimplemented", "Server"), Client: name("", "Client"), NewClient: name("New", "Client")}
}

func ofNames(n model.Names) Names {
	return Names{
		Interface: n.Interface, Unimplemented: n.Unimplemented, Register: n.Register, NewClient: n.NewClient,
		Config: n.Config, NameConst: n.NameConst, PolicyVar: n.PolicyVar, Table: n.Table, Client: n.Client,
		Serve: n.Serve, Check: n.Check, Fake: n.Fake, NewFake: n.NewFake, FakeType: n.FakeType,
		FromServer: n.FromServer, ToServer: n.ToServer, FromClient: n.FromClient, ToClient: n.ToClient,
		FromServerType: n.FromServerType, ToServerType: n.ToServerType,
	}
}

func ofMethod(m model.Method, of model.Service) Method {
	return Method{
		Name: m.Name, GoName: m.GoName, FullMethod: m.FullMethod, Const: m.Const,
		ConstIdent: golang.Ident{Name: m.Const, Package: of.Interface.Package, Path: of.Interface.Path}, Kind: Kind(m.Kind.String()), Doc: m.Doc, Comment: m.Comment,
		Deprecated: m.Deprecated, Input: m.Input, Output: m.Output, Policy: ofPolicy(m.Policy),
		OwnPolicy: ofPolicy(m.OwnPolicy), HasOwnPolicy: m.HasOwnPolicy(), Helper: ofHelper(m.Helper),
	}
}

func ofPolicy(p model.Policy) Policy {
	field := func(f model.PolicyField) PolicyField { return PolicyField(f) }
	return Policy{Policy: p.Policy, Fields: each(p.Fields(), field)}
}

func ofReasons(r model.Reasons) Reasons {
	return Reasons{Doc: r.Doc, Values: each(r.Values, func(v model.Reason) Reason { return Reason{Name: v.Name, Value: v.Value, Doc: v.Doc} })}
}

func ofHelper(h *model.Helper) *Helper {
	if h == nil {
		return nil
	}
	var dependency *Dependency
	if h.Dependency != nil {
		d := ofDependency(*h.Dependency)
		dependency = &d
	}
	return &Helper{
		Pattern: h.Pattern, Name: h.Name, Summary: h.Summary, Doc: h.Doc, Package: h.Package, Constructor: h.Constructor,
		Types: h.Types, Arguments: h.Arguments, Stub: h.Stub, Work: h.Work, Dependency: dependency,
		Deprecated: h.Deprecated,
	}
}

// each applies of to each element of list.
func each[From, To any](list []From, of func(From) To) (all []To) {
	for _, element := range list {
		all = append(all, of(element))
	}
	return all
}
