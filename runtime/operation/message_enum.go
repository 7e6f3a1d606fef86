package operation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// statusShape maps the enum of an operation message to the states of an operation, and its other
// fields to the error.
type statusShape struct {
	field            fieldPath
	pending, running protoreflect.EnumNumber
	done, failed     []protoreflect.EnumNumber // the first one of done stands for success
	failure          protoreflect.EnumNumber   // what is written for a failure
	hasFailure       bool                      // whether failure differs from success
	cancelled        protoreflect.EnumNumber
	text             fieldPath // the error: a string or a message
	code             fieldPath
	isHTTP           bool // whether code is an HTTP status
	started, ended   fieldPath
}

// findStatus finds the fields of an operation message whose status is an enum.
func (f *finder) findStatus(fields Fields) *statusShape {
	of := &statusShape{
		field:   f.find("Status", fields.Status, isEnum),
		text:    f.find("Error", fields.Error, isErrorText),
		code:    f.find("ErrorCode", fields.ErrorCode, isScalar),
		started: f.find("", "", isTimestamp, "start_time", "started_at"),
		ended:   f.find("", "", isTimestamp, "end_time", "ended_at", "finish_time", "finished_at", "done_time"),
	}
	if f.err != nil {
		return nil
	}
	of.isHTTP = len(of.code) > 0 && strings.Contains(string(of.code.field().Name()), "http")
	of.done = f.values("DoneValues", of.field, fields.DoneValues...)
	of.failed = f.values("FailedValues", of.field, fields.FailedValues...)
	pending, running := fields.PendingValue, fields.RunningValue
	if pending == "" {
		pending = running
	}
	if running == "" {
		running = pending
	}
	if len(of.done) == 0 || running == "" {
		f.err = errors.New("operation.Fields: Status requires DoneValues and RunningValue; set them")
	}
	unfinished := f.values("PendingValue and RunningValue", of.field, pending, running)
	if f.err != nil {
		return nil
	}
	of.pending, of.running = unfinished[0], unfinished[1]
	of.failure, of.cancelled = of.done[0], of.done[0]
	for _, number := range slices.Backward(of.failed) {
		if of.isCancelled(number) {
			of.cancelled = number
		} else {
			of.failure, of.hasFailure = number, true
		}
	}
	if of.cancelled == of.done[0] {
		of.cancelled = of.failure
	}
	return of
}

// values returns the numbers of values of an enum.
func (f *finder) values(what string, of fieldPath, names ...string) (numbers []protoreflect.EnumNumber) {
	for _, name := range names {
		if f.err != nil || name == "" {
			return numbers
		}
		enum := of.field().Enum()
		value := enum.Values().ByName(protoreflect.Name(name))
		if value == nil {
			f.err = fmt.Errorf("operation.Fields.%s: %s has no value %s", what, enum.FullName(), name)
			return nil
		}
		numbers = append(numbers, value.Number())
	}
	return numbers
}

// isCancelled reports whether a value of an enum stands for a cancelled operation.
func isCancelled(value protoreflect.EnumValueDescriptor) bool {
	name := "_" + string(value.Name())
	return strings.HasSuffix(name, "_CANCELLED") || strings.HasSuffix(name, "_CANCELED")
}

// of returns the value for the state of an operation.
func (s *statusShape) of(m contents) protoreflect.EnumNumber {
	switch failure := m.GetError(); {
	case !m.GetDone() && !m.started.IsZero():
		return s.running
	case !m.GetDone():
		return s.pending
	case failure == nil:
		return s.done[0]
	case failure.GetCode() == int32(codes.Canceled):
		return s.cancelled
	}
	return s.failure
}

// isFor reports whether a value stands for the end of an operation, as that of [statusShape.of]
// does.
func (s *statusShape) isFor(m contents, number protoreflect.EnumNumber) bool {
	switch failure := m.GetError(); {
	case !m.GetDone() || failure.GetCode() == int32(codes.Canceled):
		return false
	case failure == nil:
		return slices.Contains(s.done, number) && !slices.Contains(s.failed, number)
	}
	return slices.Contains(s.failed, number) && !s.isCancelled(number)
}

// isCancelled reports whether a value stands for a cancelled operation.
func (s *statusShape) isCancelled(number protoreflect.EnumNumber) bool {
	return isCancelled(s.field.field().Enum().Values().ByNumber(number))
}

// writeStatus is write for a message whose status is an enum. What the operation stores as its
// metadata and its result may be messages of the same type; their fields stay, except for those
// that state how the operation is. Of several values for its end, the work chooses one.
func (s *shape) writeStatus(to protoreflect.Message, m contents) error {
	if err := s.setOwn(s.metadata, to, m.GetMetadata()); err != nil {
		return fmt.Errorf("metadata of %s: %w", m.GetName(), err)
	}
	if m.GetError() == nil {
		if err := s.setOwn(s.response, to, m.GetResponse()); err != nil {
			return fmt.Errorf("response of %s: %w", m.GetName(), err)
		}
	}
	s.status.clear(to)
	s.name.holder(to).Set(s.name.field(), protoreflect.ValueOfString(m.GetName()))
	if own, ok := s.status.field.get(to); !ok || !s.status.isFor(m, own.Enum()) {
		status := protoreflect.ValueOfEnum(s.status.of(m))
		s.status.field.holder(to).Set(s.status.field.field(), status)
	}
	setTime(s.created, to, m.created)
	setTime(s.updated, to, m.updated)
	setTime(s.status.started, to, m.started)
	setTime(s.status.ended, to, m.ended)
	if failure := m.GetError(); failure != nil {
		return s.status.fail(to, failure)
	}
	return nil
}

// setOwn sets a field to a packed message. If there is no such field and the message has the type
// of to, it sets all fields of to that the message has.
func (s *shape) setOwn(path fieldPath, to protoreflect.Message, packed *anypb.Any) error {
	if len(path) > 0 || packed == nil || packed.MessageName() != to.Descriptor().FullName() {
		return setPacked(path, to, packed)
	}
	own := to.New()
	if err := proto.Unmarshal(packed.GetValue(), own.Interface()); err != nil {
		return err
	}
	own.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	return nil
}

// clear removes the error that the work may have set.
func (s *statusShape) clear(m protoreflect.Message) {
	for _, path := range []fieldPath{s.text, s.code} {
		if _, ok := path.get(m); ok {
			path.holder(m).Clear(path.field())
		}
	}
}

// fail sets the fields of the error.
func (s *statusShape) fail(to protoreflect.Message, failure *spb.Status) error {
	if len(s.code) > 0 {
		code := failure.GetCode()
		if s.isHTTP {
			code = int32(httpOf(codes.Code(code)))
		}
		if value, ok := codeValue(s.code.field(), code); ok {
			s.code.holder(to).Set(s.code.field(), value)
		}
	}
	switch {
	case len(s.text) == 0:
		return nil
	case isText(s.text.field()):
		s.text.holder(to).Set(s.text.field(), protoreflect.ValueOfString(failure.GetMessage()))
		return nil
	}
	return setStatus(s.text, to, failure)
}

// readStatus is read for a message whose status is an enum.
func (s *shape) readStatus(from protoreflect.Message) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{Name: s.name.text(from)}
	number := protoreflect.EnumNumber(0)
	if value, ok := s.status.field.get(from); ok {
		number = value.Enum()
	}
	failed := slices.Contains(s.status.failed, number)
	op.Done = failed || slices.Contains(s.status.done, number)
	var err error
	if op.Metadata, err = ownAt(s.metadata, from); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", op.Name, err)
	}
	if !op.Done {
		return op, nil
	}
	failure, err := s.status.errorOf(from, number, failed)
	if err != nil {
		return nil, fmt.Errorf("error of %s: %w", op.Name, err)
	}
	if failure != nil {
		op.Result = &longrunningpb.Operation_Error{Error: failure}
		return op, nil
	}
	response, err := ownAt(s.response, from)
	if err != nil {
		return nil, fmt.Errorf("response of %s: %w", op.Name, err)
	}
	if response != nil {
		op.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return op, nil
}

// ownAt returns the message at a path, or the message itself without a path.
func ownAt(path fieldPath, from protoreflect.Message) (*anypb.Any, error) {
	if len(path) == 0 {
		return anypb.New(from.Interface())
	}
	return packedAt(path, from)
}

// errorOf returns the error of a done operation, or nil if it has succeeded.
func (s *statusShape) errorOf(from protoreflect.Message, number protoreflect.EnumNumber, failed bool) (*spb.Status, error) {
	failure := &spb.Status{}
	if value, ok := s.text.get(from); ok {
		if isText(s.text.field()) {
			failure.Message = value.String()
		} else if err := readStatus(failure, value.Message()); err != nil {
			return nil, err
		}
		failed = failed || !s.hasFailure
	}
	if value, ok := s.code.get(from); ok {
		code := codeOf(s.code.field(), value)
		if s.isHTTP {
			code = int32(codeOfHTTP(int(code)))
		}
		if code != int32(codes.OK) {
			failure.Code = code
			failed = failed || !s.hasFailure
		}
	}
	switch {
	case !failed:
		return nil, nil
	case number == s.cancelled && s.isCancelled(number):
		failure.Code = int32(codes.Canceled)
	}
	return known(failure), nil
}

func isEnum(f protoreflect.FieldDescriptor) bool { return f.Enum() != nil && !f.IsList() }

// isErrorText reports whether a field can hold an error: a string or a message.
func isErrorText(f protoreflect.FieldDescriptor) bool { return isText(f) || isMessage(f) }
