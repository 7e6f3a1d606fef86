package idempotency

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/internal/idempotencykey"
	"github.com/grpcservice/grpcservice/runtime/internal/uuid"
)

// MaxIdempotencyKey is the maximum length of an idempotency key in bytes, so that stores can
// index it.
const MaxIdempotencyKey = idempotencykey.Max

// idField is the idempotency key field of a request.
type idField struct {
	name  string                         // its path, by the names of the proto
	path  []protoreflect.FieldDescriptor // from the request
	uuid4 bool

	rest *digest.Digester // of the request without its id
}

// idFieldOf finds the field that a policy names.
func idFieldOf(request protoreflect.MessageDescriptor, said runtime.IdempotencyKey) (idField, error) {
	f := idField{name: said.Field, uuid4: said.UUID4}
	desc := request
	for name := range strings.SplitSeq(said.Field, ".") {
		if desc == nil || desc.Fields().ByName(protoreflect.Name(name)) == nil {
			return f, fmt.Errorf("%s has no field %s", request.FullName(), said.Field)
		}
		fd := desc.Fields().ByName(protoreflect.Name(name))
		f.path = append(f.path, fd)
		desc = fd.Message()
		if fd.IsList() || fd.IsMap() {
			return f, fmt.Errorf("%s is repeated, which the path %s of an idempotency key cannot be", fd.FullName(), said.Field)
		}
	}
	if last := f.path[len(f.path)-1]; last.Kind() != protoreflect.StringKind {
		return f, fmt.Errorf("%s is not a string, which an idempotency key must be", last.FullName())
	}
	f.rest = digest.Without(f.path)
	return f, nil
}

// read returns the canonical form of a request's key, or "" if it has none. The error is for the
// caller.
func (f idField) read(req proto.Message) (string, error) {
	msg := req.ProtoReflect()
	last := len(f.path) - 1
	for _, fd := range f.path[:last] {
		msg = msg.Get(fd).Message()
	}
	return idempotencykey.Read(f.name, msg.Get(f.path[last]).String(), f.uuid4)
}

// NewKey returns a unique idempotency key: a version 4 UUID, as AIP-155 recommends. Generated
// clients set one themselves. A caller that may repeat a request after a restart creates the key
// itself and stores it.
func NewKey() string { return uuid.New() }
