package operation

import (
	"errors"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// pathIn finds a field of the message type M that fits.
func pathIn[M any](text string, fits func(protoreflect.FieldDescriptor) bool) (fieldPath, error) {
	m, err := reflectionOf(new(M))
	if err != nil {
		return nil, err
	}
	path, err := resolvePath(m.Descriptor(), text)
	if err == nil && !fits(path.field()) {
		err = fmt.Errorf("%s has a type that does not fit", path.field().FullName())
	}
	return path, err
}

// shapeIn finds the fields of the operation message type Op.
func shapeIn[Op any](fields Fields) (*shape, error) {
	m, err := reflectionOf(new(Op))
	if err != nil {
		return nil, err
	}
	return shapeOf(m.Descriptor(), fields)
}

// writeAs returns an operation as a message of type Op.
func writeAs[Op any](info runtime.MethodInfo, s *shape, r *Record) (*Op, error) {
	m, err := messageOf(r)
	if err != nil {
		return nil, misuse(info, err)
	}
	if op, ok := any(m.Operation).(*Op); ok {
		return op, nil
	}
	op := new(Op)
	to, err := reflectionOf(op)
	if err == nil {
		err = s.write(to, m)
	}
	if err != nil {
		return nil, misuse(info, err)
	}
	return op, nil
}

// readAs returns the contents of a message of type Op.
func readAs[Op any](info runtime.MethodInfo, s *shape, op *Op) (*longrunningpb.Operation, error) {
	if op == nil {
		return nil, misuse(info, errors.New("the method returned neither an operation nor an error"))
	}
	from, err := reflectionOf(op)
	if err != nil {
		return nil, misuse(info, err)
	}
	read, err := s.read(from)
	if err != nil {
		return nil, misuse(info, err)
	}
	return read, nil
}
