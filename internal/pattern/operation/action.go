package operation

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Action is a method that takes the name of an operation, and cancels it, deletes it or waits for
// it.
type Action struct {
	Verb    string     // "cancel", "delete" or "wait"
	Name    shape.Path // in the request: a string
	Message Message    // the fields of the response if it is an operation
}

// actionDoes completes the sentence "the helper".
var actionDoes = map[string]string{"cancel": "cancels", "delete": "deletes", "wait": "waits for"}

// detectAction looks for a method that does something to an existing operation, and returns that
// operation or a message without fields.
func detectAction(m *pattern.Method) pattern.Found {
	verb := actionVerb(m.Desc)
	if verb == "" {
		return nil
	}
	found := returned(m)
	isEmpty := m.Out.Fields().Len() == 0
	if found.lacks != "" && !(isEmpty && verb != "wait" && startsNamed(m)) {
		return nil
	}
	name := nameIn(m.In)
	if len(name) == 0 {
		m.ReportPossible(ActionName, fmt.Sprintf("its name is that of a method that %s an operation, and its request has no name", actionDoes[verb]), "")
		return nil
	}
	e := found.Evidence
	e.Found(pattern.Certain, fmt.Sprintf("it takes a name and %s the operation%s", actionDoes[verb], ofThisService(m)))
	m.Report(ActionName, e)
	return &Action{Verb: verb, Name: name, Message: found.Message}
}

// actionVerb returns the verb of a method that does something to an existing operation, or "". If
// the method returns nothing, the noun is looked at later.
func actionVerb(method protoreflect.MethodDescriptor) string {
	verb, words := operationVerb(method), shape.WordsOf(method.Name())
	if len(words) == 0 {
		return "" // it is called _
	}
	if verb == "" && method.Output().Fields().Len() == 0 && len(words) > 1 {
		verb = words[0]
	}
	if last := words[len(words)-1]; actionDoes[verb] == "" || len(words) > 1 && shape.Singular(last) != last {
		return "" // DeleteOperations is about several
	}
	return verb
}

// startsNamed reports whether another method of the service starts operations whose message a
// method is named after: operations of CancelOperation, a Job of CancelJob.
func startsNamed(m *pattern.Method) bool {
	noun := shape.WordsOf(m.Desc.Name())[1:]
	for other := range m.Others() {
		if operationVerb(other) != "" || !isNamed(noun, other.Output()) {
			continue
		}
		if describe(other.Output(), m.PolicyOf(other).GetOperation(), reportsNothing).lacks == "" {
			return true
		}
	}
	return false
}

// isNamed reports whether a noun is that of an operation's message.
func isNamed(noun []string, message protoreflect.MessageDescriptor) bool {
	return len(noun) == 1 && noun[0] == "operation" || slices.Equal(noun, shape.WordsOf(message.Name()))
}

// readsAction is a necessary condition of detectAction if no options say anything.
func readsAction(o pattern.Outline) pattern.Reads {
	if len(o.Response) > 0 {
		return reads(o)
	}
	for verb := range actionDoes {
		if len(o.Method) > len(verb) && o.Method[:len(verb)] == verb {
			return pattern.ReadsBoth
		}
	}
	return pattern.ReadsNothing
}

// Fields implements [pattern.Found].
func (a *Action) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{"name": a.Name})
}

// Limits implements [pattern.Found]. The limits of an operation belong to the method that starts
// it.
func (a *Action) Limits(*policy.Patterns) {}

// Describes implements [pattern.Describer].
func (a *Action) Describes(option string) bool { return a.Message.describedBy(option) }

// ActionArguments are the arguments of the helper's constructor, as helper_operation_action.go.tmpl
// writes them.
type ActionArguments struct {
	Verb      golang.Ident // the constant of the runtime package
	NameField string       // the field of the request that contains the name of the operation
	Fields    []view.HelperField
}

// Helper implements [model.Helped].
func (a *Action) Helper(s *model.Scope) model.Helper {
	constants := map[string]string{"cancel": "Cancels", "delete": "Deletes", "wait": "Waits"}
	return model.Helper{
		Constructor: "ActionOf",
		Summary:     fmt.Sprintf("serves %s: it %s operations of a manager.", s.Method().GoName, actionDoes[a.Verb]),
		Arguments: ActionArguments{
			Verb:      golang.Ident{Name: constants[a.Verb], Package: runtimePackage().Name, Path: runtimePackage().Path},
			NameField: a.Name.String(), Fields: a.Message.fields(),
		},
		Stub: GetterStub{},
	}
}
