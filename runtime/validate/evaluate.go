package validate

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldrules"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// checkFields is the [fieldrules.OwnCheck] of the rules of fields and oneofs. It evaluates all of
// them at once, until the first violation. Only of a message with a violation are they evaluated
// one by one, for the first violation of each field: a request with millions of violations would
// otherwise take a hundred times its size in memory.
func (r *messageRules) checkFields(m protoreflect.Message, part fieldrules.Part) ([]fieldrules.Violation, error) {
	whole := part.IsWhole()
	var err error
	if whole && r.plain && r.whole == nil {
		err = r.engine.Validate(m.Interface())
	} else {
		err = r.evaluatePart(m, part, whole)
	}
	if err == nil {
		return nil, nil
	}
	var found []fieldrules.Violation
	for _, s := range r.subjects {
		if !whole && !s.concerns(m, part) {
			continue
		}
		violations, err := r.checkSubject(m, part, s)
		if err != nil {
			return found, err
		}
		found = append(found, violations...)
	}
	if len(found) == 0 { // it depends on the time; or the rule is of a kind that is not known here
		return r.verdict(&subject{desc: r.desc, redacted: true}, err, true)
	}
	return found, nil
}

// checkMessage is the [fieldrules.OwnCheck] of the rules of the message as a whole.
func (r *messageRules) checkMessage(m protoreflect.Message, part fieldrules.Part) ([]fieldrules.Violation, error) {
	if r.plain && len(r.subjects) == 0 && r.engine.Validate(m.Interface()) == nil {
		return nil, nil
	}
	return r.checkSubject(m, part, r.whole)
}

// checkSubject returns the first violation of the rules of one subject.
func (r *messageRules) checkSubject(
	m protoreflect.Message, part fieldrules.Part, s *subject,
) ([]fieldrules.Violation, error) {
	err := r.evaluate(m, &filter{only: s.desc})
	if err == nil {
		return nil, nil
	}
	return r.verdict(s, err, s.redacted || part.IsRedacted())
}

// verdict returns the violation that protovalidate's error has, or a fault.
func (r *messageRules) verdict(s *subject, err error, redacted bool) ([]fieldrules.Violation, error) {
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) || len(invalid.Violations) == 0 {
		return nil, r.fault(s, err, redacted)
	}
	return []fieldrules.Violation{s.violation(invalid.Violations[0], redacted)}, nil
}

// fault returns the error of rules that cannot be evaluated. The log does not show the reason if it
// may have confidential values.
func (r *messageRules) fault(s *subject, err error, redacted bool) error {
	why := "debug_redact hides why"
	if !redacted && !s.holdsRedacted() {
		why = cut(oneLine(err), maxCause)
	}
	return rpcerr.Internal(fmt.Sprintf("validate: the rules of %s cannot be evaluated: %s", s.desc.FullName(), why))
}

// evaluate evaluates what the filter selects.
func (r *messageRules) evaluate(m protoreflect.Message, f *filter) error {
	return r.engine.Validate(m.Interface(), protovalidate.WithFilter(f))
}

// evaluatePart evaluates the rules of the fields and oneofs that a request says.
func (r *messageRules) evaluatePart(m protoreflect.Message, part fieldrules.Part, whole bool) error {
	f := r.filters.Get().(*partFilter)
	f.part, f.whole = part, whole
	err := r.engine.Validate(m.Interface(), f.options...)
	f.filter, f.part = filter{}, fieldrules.Part{}
	r.filters.Put(f)
	return err
}

// filter selects the rules of one message and of none in it, and of those the rules of only.
//
// It learns the message from its first call: the reflection of a message may differ in each call of
// ProtoReflect.
type filter struct {
	root protoreflect.Message
	only protoreflect.Descriptor
}

// ShouldValidate implements [protovalidate.Filter].
func (f *filter) ShouldValidate(m protoreflect.Message, desc protoreflect.Descriptor) bool {
	return f.isRoot(m) && desc == f.only
}

func (f *filter) isRoot(m protoreflect.Message) bool {
	if f.root == nil {
		f.root = m
	}
	return f.root == m
}

// partFilter selects the rules of fields and oneofs of one message that a request says.
type partFilter struct {
	filter
	rules   *messageRules
	part    fieldrules.Part
	whole   bool
	options []protovalidate.ValidationOption // with itself
}

// newPartFilter returns a filter for a pool.
func newPartFilter(r *messageRules) *partFilter {
	f := &partFilter{rules: r}
	f.options = []protovalidate.ValidationOption{protovalidate.WithFilter(f)}
	return f
}

// ShouldValidate implements [protovalidate.Filter].
func (f *partFilter) ShouldValidate(m protoreflect.Message, desc protoreflect.Descriptor) bool {
	if !f.isRoot(m) {
		return false
	}
	s := f.rules.byDesc[desc]
	return s != nil && (f.whole || s.concerns(m, f.part))
}

// try evaluates each rule with an empty message, which compiles it.
func (r *messageRules) try() error {
	empty := dynamicpb.NewMessage(r.desc)
	var errs []error
	for _, s := range r.all() {
		err := r.evaluate(empty, &filter{only: s.desc})
		if isMistake(err) {
			errs = append(errs, fmt.Errorf("the rules of %s do not compile: %s", s.desc.FullName(), oneLine(err)))
		}
	}
	return errors.Join(errs...)
}
