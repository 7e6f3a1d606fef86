package policy

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The numbers of the "options" fields in ServiceDescriptorProto and MethodDescriptorProto.
const (
	serviceOptions protoreflect.FieldNumber = 3
	methodOptions  protoreflect.FieldNumber = 4
)

// options reads the options of this project. It ignores a third-party extension with the same
// number: the numbers are from the range that any organization may use.
type options struct {
	// foreign holds the options messages in which a third-party extension has our number.
	foreign map[protoreflect.FullName]bool
}

// optionsOf returns the reader of the options in a run.
func optionsOf(files []*protogen.File) options {
	o := options{foreign: make(map[protoreflect.FullName]bool)}
	for _, f := range files {
		for _, ours := range []protoreflect.ExtensionType{grpcservicev1.E_Service, grpcservicev1.E_Method, grpcservicev1.E_Reasons} {
			for _, ext := range f.Extensions {
				of, is := ours.TypeDescriptor(), ext.Desc
				if is.Number() == of.Number() && is.FullName() != of.FullName() &&
					is.ContainingMessage().FullName() == of.ContainingMessage().FullName() {
					o.foreign[of.ContainingMessage().FullName()] = true
				}
			}
		}
	}
	return o
}

// ofService returns the policy that the options of a service set.
func (o options) ofService(desc protoreflect.ServiceDescriptor) (source, diag.List) {
	p := &grpcservicev1.Policy{}
	s := source{kind: "service option", policy: p, wide: true, place: placesIn(desc, serviceOptions, grpcservicev1.E_Service)}
	if s.isSilent = !o.isSet(desc, grpcservicev1.E_Service); s.isSilent {
		return s, nil
	}
	return s, o.read(desc, grpcservicev1.E_Service, p, s.place)
}

// ofMethod returns the policy that the options of a method set.
func (o options) ofMethod(desc protoreflect.MethodDescriptor) (source, diag.List) {
	p := &grpcservicev1.Policy{}
	s := source{kind: "method option", policy: p, place: placesIn(desc, methodOptions, grpcservicev1.E_Method)}
	if s.isSilent = !o.isSet(desc, grpcservicev1.E_Method); s.isSilent {
		return s, nil
	}
	return s, o.read(desc, grpcservicev1.E_Method, p, s.place)
}

// read reads the option ext of desc into m. It leaves m empty if the option is unset.
func (o options) read(desc protoreflect.Descriptor, ext protoreflect.ExtensionType, m proto.Message, place func(string) diag.Position) (problems diag.List) {
	of := ext.TypeDescriptor()
	if o.foreign[of.ContainingMessage().FullName()] {
		return nil
	}
	for _, raw := range policy.RawFields(desc.Options(), of.Number()) {
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(raw, m); err != nil {
			problems.Errorf(place(""), "its option (%s) is not a %s; use the options.proto that protoc-gen-grpcservice --export writes",
				of.FullName(), m.ProtoReflect().Descriptor().FullName())
			return problems
		}
	}
	return nil
}

// isSet reports whether desc sets the option ext.
func (o options) isSet(desc protoreflect.Descriptor, ext protoreflect.ExtensionType) bool {
	of := ext.TypeDescriptor()
	return !o.foreign[of.ContainingMessage().FullName()] && len(policy.RawFields(desc.Options(), of.Number())) > 0
}
