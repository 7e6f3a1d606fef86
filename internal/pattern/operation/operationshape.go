package operation

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

var (
	operationNames = []string{"name", "id"}
	doneNames      = []string{"done"}
	responseNames  = []string{"response", "result"}
	metadataNames  = []string{"metadata"}
)

// operationFields returns the fields of a message with the shape of google.longrunning.Operation,
// or what the message lacks.
func operationFields(m protoreflect.MessageDescriptor) (f Message, lacks string) {
	f = Message{
		Name:     shape.FirstNamed(m, operationNames, shape.IsString),
		Done:     shape.FirstNamed(m, doneNames, shape.IsBool),
		Error:    shape.ErrorField(m),
		Response: shape.FirstNamed(m, responseNames, isResult),
		Metadata: shape.FirstNamed(m, metadataNames, shape.IsMessage),
	}
	switch {
	case len(f.Done) == 0:
		return f, "has no bool done"
	case len(f.Error) == 0:
		return f, "has no google.rpc.Status error"
	case len(f.Response) == 0:
		return f, "has no message response"
	case len(f.Name) == 0:
		return f, "has no string name"
	default:
		return f, ""
	}
}

// reads is a necessary condition of operationFields, which both patterns require of the response: it
// has a field done.
func reads(o pattern.Outline) pattern.Reads {
	for _, name := range doneNames {
		if slices.Contains(o.Response, shape.Letters(name)) {
			return pattern.ReadsBoth
		}
	}
	return pattern.ReadsNothing
}

func isResult(f protoreflect.FieldDescriptor) bool {
	return shape.IsMessage(f) && !shape.IsStatus(f.Message())
}
