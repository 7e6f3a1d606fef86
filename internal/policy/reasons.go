package policy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// enumOptions is the number of the "options" field in EnumDescriptorProto.
const enumOptions protoreflect.FieldNumber = 3

// HasReasons reports whether the values of an enum are error reasons.
func (p *Policies) HasReasons(enum protoreflect.EnumDescriptor) bool {
	return p.options.isSet(enum, grpcservicev1.E_Reasons)
}

// domainSyntax matches host names. It also allows underscores, which proto packages may have.
var domainSyntax = lazyregexp.New(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

// Domain returns the domain in which the reasons of an enum are unique.
func (p *Policies) Domain(enum protoreflect.EnumDescriptor) (string, diag.List) {
	const longest = 253 // the length limit of host names
	said := &grpcservicev1.Reasons{}
	place := placesIn(enum, enumOptions, grpcservicev1.E_Reasons)
	problems := p.options.read(enum, grpcservicev1.E_Reasons, said, place)
	domain := said.GetDomain()
	if domain == "" {
		domain = string(enum.ParentFile().Package())
	}
	switch {
	case len(problems) > 0:
	case len(said.ProtoReflect().GetUnknown()) > 0:
		problems.Errorf(place(""), "reasons: it has fields that this version of grpcservice does not know; update the plugin")
	case domain == "":
		problems.Errorf(place(""), "reasons: the file has no package to use as their domain; set domain")
	case len(domain) > longest || !domainSyntax.MatchString(domain):
		problems.Errorf(place("domain"), "reasons: domain: %.300q is not a domain; write it as in \"library.example.com\"", domain)
	}
	return domain, problems
}

var reasonSyntax = lazyregexp.New(`^[A-Z][A-Z0-9_]+[A-Z0-9]$`)

// Reason returns the reason that an enum value stands for: its name without the prefix of the
// enum's name.
func Reason(value protoreflect.EnumValueDescriptor) (string, error) {
	const longest = 63
	reason := trimEnumPrefix(string(value.Name()), string(value.Parent().Name()))
	if len(reason) > longest || !reasonSyntax.MatchString(reason) {
		return "", fmt.Errorf("the reason %q is not 3 to %d capitals, digits and underscores, starting with a capital and not ending with an underscore (AIP-193); rename the value",
			reason, longest)
	}
	return reason, nil
}

// trimEnumPrefix removes the name of an enum from the start of a value's name. It ignores letter
// case and underscores, as strip_enum_prefix of the editions does.
func trimEnumPrefix(value, enum string) string {
	enum = strings.ReplaceAll(enum, "_", "")
	rest := value
	for len(enum) > 0 {
		switch {
		case rest == "":
			return value
		case rest[0] == '_':
			rest = rest[1:]
		case !strings.EqualFold(rest[:1], enum[:1]):
			return value
		default:
			rest, enum = rest[1:], enum[1:]
		}
	}
	if rest = strings.TrimLeft(rest, "_"); rest == "" {
		return value
	}
	return rest
}
