package operation

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Verbs of methods that act on an operation that another method started, as in GetOperation.
var operationVerbs = []string{"get", "list", "cancel", "delete", "wait"}

// Names of the field that identifies the operation, in order of preference.
var getterNames = []string{"name", "operation_name", "operation_id", "id", "operation"}

// operationVerb returns the verb of a method that acts on an existing operation, from its own name
// or that of its request: "get" for GetOperation, for Get with a GetOperationRequest, and for
// GetJob if the operation's message is Job. It returns "" for all other methods.
func operationVerb(method protoreflect.MethodDescriptor) string {
	own, request := shape.WordsOf(method.Name()), shape.WordsOf(method.Input().Name())
	if n := len(request); n > 0 && request[n-1] == "request" {
		request = request[:n-1]
	}
	for _, words := range [][]string{own, request} {
		if len(words) < 2 || !slices.Contains(operationVerbs, words[0]) {
			continue
		}
		if shape.Singular(words[len(words)-1]) == "operation" || shape.SameThing(words[1:], shape.WordsOf(method.Output().Name())) {
			return words[0]
		}
	}
	return ""
}

// detectGetter looks for a method that gets an operation.
func detectGetter(m *pattern.Method) pattern.Found {
	if operationVerb(m.Desc) != "get" {
		return nil
	}
	found := returned(m)
	if found.lacks != "" {
		return nil
	}
	name := nameIn(m.In)
	if len(name) == 0 {
		m.ReportPossible(GetterName, fmt.Sprintf("it returns %s, and its request has no name", m.Short(m.Out)), "")
		return nil
	}
	e := found.Evidence
	e.Found(pattern.Certain, fmt.Sprintf("it takes a name and returns the operation%s", ofThisService(m)))
	m.Report(GetterName, e)
	return &Getter{Name: name, Message: found.Message}
}

// nameIn returns the field of a request that identifies an operation, or an empty path.
func nameIn(request protoreflect.MessageDescriptor) shape.Path {
	if name := shape.FirstNamed(request, getterNames, shape.IsString); len(name) > 0 {
		return name
	}
	if f := shape.Only(shape.FieldsThat(request, shape.IsString), shape.IsString); f != nil {
		return shape.Path{f}
	}
	return nil
}

// ofThisService returns a phrase if another method of the service starts operations with the same
// message, or with any if the method returns none.
func ofThisService(m *pattern.Method) string {
	if m.Out.Fields().Len() == 0 {
		return " of this service" // or the method would not be found
	}
	for other := range m.Others() {
		if other.Output().FullName() == m.Out.FullName() && operationVerb(other) == "" {
			return " of this service"
		}
	}
	return ""
}
