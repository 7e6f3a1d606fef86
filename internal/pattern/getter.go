package pattern

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Verbs of methods that are about an operation that another one started, as in GetOperation.
var operationVerbs = []string{"get", "list", "cancel", "delete", "wait"}

// Names of the field that says which operation is meant, the better ones first.
var getterNames = []string{"name", "operation_name", "operation_id", "id", "operation"}

// operationVerb returns what a method does with an operation that there is already, by its own name or by that of its request:
// "get" of GetOperation, of Get with a GetOperationRequest, and of GetJob where the operation is called Job. It returns nothing
// for all other methods.
func operationVerb(method protoreflect.MethodDescriptor) string {
	own, request := wordsOf(method.Name()), wordsOf(method.Input().Name())
	if n := len(request); n > 0 && request[n-1] == "request" {
		request = request[:n-1]
	}
	for _, words := range [][]string{own, request} {
		if len(words) < 2 || !slices.Contains(operationVerbs, words[0]) {
			continue
		}
		if singular(words[len(words)-1]) == "operation" || sameThing(words[1:], wordsOf(method.Output().Name())) {
			return words[0]
		}
	}
	return ""
}

// findGetter looks for the name of the operation that a method gets, and says whether there is one.
func (d *detector) findGetter(verb string, fields OperationFields) bool {
	if verb != "get" {
		d.reportPossible(PatternOperation, "by its name it starts no operation, and is for those that there are", "")
		return false
	}
	name := firstNamed(d.in, getterNames, isString)
	if f := only(fieldsThat(d.in, isString), isString); len(name) == 0 && f != nil {
		name = Path{f}
	}
	if len(name) == 0 {
		d.reportPossible(PatternOperationGet, fmt.Sprintf("it returns %s, and its request has no name", d.short(d.out)), "")
		return false
	}
	d.result.Getter = &Getter{Name: name, Fields: fields}
	var e evidence
	e.found(Certain, fmt.Sprintf("it takes a name and returns the operation%s", d.ofThisService()))
	d.report(PatternOperationGet, e)
	return true
}

// ofThisService says so where another method of the service starts operations of the same message.
func (d *detector) ofThisService() string {
	for m := range d.others() {
		if m.Output().FullName() == d.out.FullName() && operationVerb(m) == "" {
			return " of this service"
		}
	}
	return ""
}
