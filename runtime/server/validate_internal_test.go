package server

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// knowsNone is a validator that knows no rules.
type knowsNone struct{ bound int }

func (v *knowsNone) Bind(runtime.MethodInfo, protoreflect.MessageDescriptor) (ValidateFunc, error) {
	v.bound++
	return nil, nil
}

// TestAMethodWithoutRulesHasNoCheck checks that nothing runs for the requests of a method without
// rules, or whose rules the validator does not know.
func TestAMethodWithoutRulesHasNoCheck(t *testing.T) {
	for name, test := range map[string]struct {
		policy runtime.Policy
		bound  int
	}{
		"without rules":   {runtime.Policy{}, 0},
		"of another kind": {runtime.Policy{Validate: true}, 1},
	} {
		v := &knowsNone{}
		p := newPipeline(newSettings([]Option{WithValidator(v)}))
		info := runtime.NewMethodInfo(healthServiceName, "Check", runtime.KindUnary, test.policy)
		m := p.bind(info, nil)
		if m.first != nil || m.later != nil || v.bound != test.bound || info.Descriptor == nil {
			t.Errorf("%s: checks %t, %t, bound %d times", name, m.first != nil, m.later != nil, v.bound)
		}
	}
}
