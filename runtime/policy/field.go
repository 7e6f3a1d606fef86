package policy

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Sets reports whether a policy sets the field at a path such as "timeout.default" or
// "rate[1].burst". A list is set as a whole.
func Sets(p *grpcservicev1.Policy, field string) bool {
	m := p.ProtoReflect()
	for name := range strings.SplitSeq(field, ".") {
		name, _, isElement := strings.Cut(name, "[")
		fd := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if fd == nil || !m.IsValid() || !m.Has(fd) {
			return false
		}
		if isElement || fd.IsList() || fd.Message() == nil {
			return true
		}
		m = m.Get(fd).Message()
	}
	return true
}

// IsWhole reports whether a field of a policy is replaced as a whole, not field by field.
func IsWhole(field protoreflect.Name) bool { return rules.of(string(field)).isWhole }

// lastToSet returns the last layer that sets a field, or else the last that sets its message.
func lastToSet(layers []Layer, field string) int {
	for {
		for i := len(layers) - 1; i >= 0; i-- {
			if Sets(layers[i].Policy, field) {
				return i
			}
		}
		end := strings.LastIndex(field, ".")
		if end < 0 {
			return max(0, len(layers)-1)
		}
		field = field[:end]
	}
}
