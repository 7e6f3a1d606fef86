package policy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

func permissionRule() rule {
	return rule{name: "permission", isOptional: true,
		options: []option[Policy]{
			field("name", text((*faults).permission),
				func(p *Policy) *string { return &p.Permission.Name }),
			field("resource", text((*faults).name),
				func(p *Policy) *string { return &p.Permission.Resource }),
			field("hide_existence", flag,
				func(p *Policy) *bool { return &p.Permission.HideExistence }),
			field("inherit", flag,
				func(p *Policy) *bool { return &p.Permission.Inherit }).forCalls(ofClientStream | ofBidi),
		},
		holds: func(_ Method, p *grpcservicev1.Policy) bool { return p.GetPermission().GetName() != "" },
		has:   func(p *Policy) bool { return p.Permission.Name != "" },
		take:  func(to, from *Policy) { to.Permission = from.Permission },
		check: func(f *faults, p *grpcservicev1.Policy) {
			if p.GetPermission().GetName() != "" && p.GetAuth().GetPublic() {
				f.add("permission.name", "the method is public, and a permission requires an "+
					"authenticated caller; remove auth.public or the permission")
			}
		},
		missing: func(f *faults, p *grpcservicev1.Policy) {
			switch said := p.GetPermission(); {
			case said != nil && said.Name == nil:
				f.add("permission.name", "it is not set; set it to the permission that the method "+
					"requires, or to \"\" for none")
			case said.GetName() != "" && said.Resource == nil:
				f.add("permission.resource", "it is not set; set it to the request field that names "+
					"the resource, such as \"name\"")
			}
		},
	}
}

// ResourcePath returns the fields that the path of a permission's resource leads through: "name",
// "order.name". All but the last are messages, and the last is a string, bytes, an integer or an
// enum. Each may be repeated; none is a map. The fault is nil if the path is valid.
func ResourcePath(
	request protoreflect.MessageDescriptor, p Permission,
) (path []protoreflect.FieldDescriptor, err *Fault) {
	in := request
	for name := range strings.SplitSeq(p.Resource, ".") {
		if in == nil {
			return nil, resourceFault("%s is %s, so it cannot have a field %q; name an existing field",
				path[len(path)-1].FullName(), typeOf(path[len(path)-1]), name)
		}
		field := in.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, resourceFault("%s has no field %q; %s", in.FullName(), name, choiceOf(in))
		}
		path, in = append(path, field), nil
		if !field.IsMap() {
			in = field.Message()
		}
	}
	if last := path[len(path)-1]; in != nil || !isName(last) {
		return nil, resourceFault("%s is %s; name a string, bytes, an integer or an enum",
			last.FullName(), typeOf(last))
	}
	return path, nil
}

func resourceFault(format string, args ...any) *Fault {
	return &Fault{Field: "permission.resource", Text: fmt.Sprintf(format, args...)}
}

// isName reports whether the value of a field can name a resource.
func isName(field protoreflect.FieldDescriptor) bool {
	switch field.Kind() {
	case protoreflect.BoolKind, protoreflect.FloatKind, protoreflect.DoubleKind,
		protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return !field.IsMap()
}

// typeOf describes the type of a field.
func typeOf(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "a map"
	case field.Message() != nil:
		return "of type " + string(field.Message().FullName())
	case field.Enum() != nil:
		return "of type " + string(field.Enum().FullName())
	default:
		return "of type " + field.Kind().String()
	}
}

// choiceOf lists the fields of a message, as advice.
func choiceOf(m protoreflect.MessageDescriptor) string {
	const most = 20
	fields := m.Fields()
	if fields.Len() == 0 {
		return "it has no fields"
	}
	var list []string
	for i := range min(fields.Len(), most) {
		list = append(list, string(fields.Get(i).Name()))
	}
	return "want one of " + strings.Join(list, ", ")
}

// NeedsInherit returns why the permission of a method with a stream of requests must set inherit,
// to true or to false, or "". A path through a oneof has no resource in the requests that set
// another field of the oneof.
func NeedsInherit(path []protoreflect.FieldDescriptor) string {
	for _, field := range path {
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			return fmt.Sprintf("it is not set, and %s is in the oneof %q, so requests with another field "+
				"of it name no resource; set inherit to true if they concern the resource of the request "+
				"before them, or to false to reject them", field.FullName(), oneof.Name())
		}
	}
	return ""
}
