package pattern

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	operationNames = []string{"name", "id"}
	doneNames      = []string{"done"}
	errorNames     = []string{"error", "status"}
	responseNames  = []string{"response", "result"}
	metadataNames  = []string{"metadata"}
)

// operationFields returns the fields of a message of the shape of google.longrunning.Operation, or what it lacks.
func operationFields(m protoreflect.MessageDescriptor) (f OperationFields, lacks string) {
	f = OperationFields{
		Name:     firstNamed(m, operationNames, isString),
		Done:     firstNamed(m, doneNames, isBool),
		Error:    errorField(m),
		Response: firstNamed(m, responseNames, isResult),
		Metadata: firstNamed(m, metadataNames, isMessage),
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

// errorField returns the field for the error of an operation: a status, by its name or as the only one.
func errorField(m protoreflect.MessageDescriptor) Path {
	if path := firstNamed(m, errorNames, isStatusField); len(path) > 0 {
		return path
	}
	if f := only(fieldsThat(m, isStatusField), isStatusField); f != nil {
		return Path{f}
	}
	return nil
}

func isStatusField(f protoreflect.FieldDescriptor) bool { return isMessage(f) && isStatus(f.Message()) }

func isResult(f protoreflect.FieldDescriptor) bool { return isMessage(f) && !isStatus(f.Message()) }
