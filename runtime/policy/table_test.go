package policy

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// TestEveryFieldHasARow checks that the table has each field of the options,
// and no other.
func TestEveryFieldHasARow(t *testing.T) {
	fields := (&grpcservicev1.Policy{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := string(fields.Get(i).Name())
		r := rules.of(name)
		if r.name == "" {
			t.Errorf("the table has no rule %s", name)
			continue
		}
		switch fd := fields.Get(i); {
		case fd.IsList():
			sameNames(t, name, namesOf(r.options), []string{name})
			sameNames(t, name, namesOf(rateOptions()), fieldNames(fd.Message()))
		case fd.Message() != nil:
			sameNames(t, name, namesOf(r.options), fieldNames(fd.Message()))
		default:
			sameNames(t, name, namesOf(r.options), []string{name})
		}
	}
	for _, r := range rules {
		if fields.ByName(protoreflect.Name(r.name)) == nil {
			t.Errorf("the options have no field %s, of which the table has a rule", r.name)
		}
		if r.rival != "" && rules.of(r.rival).rival != r.name {
			t.Errorf("%s has the rival %s, whose rival it is not", r.name, r.rival)
		}
	}
}

// sameNames compares the rows of a rule with the fields of its message.
func sameNames(t *testing.T, rule string, rows, fields []string) {
	t.Helper()
	for _, name := range fields {
		if !slices.Contains(rows, name) {
			t.Errorf("the rule %s has no row of its field %s", rule, name)
		}
	}
	for _, name := range rows {
		if !slices.Contains(fields, name) {
			t.Errorf("the rule %s has a row of %s, which is not a field", rule, name)
		}
	}
}

func namesOf[S any](options []option[S]) (names []string) {
	for _, o := range options {
		names = append(names, o.name)
	}
	return names
}

func fieldNames(m protoreflect.MessageDescriptor) (names []string) {
	for i := range m.Fields().Len() {
		names = append(names, string(m.Fields().Get(i).Name()))
	}
	return names
}
