package page

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// binder makes the digest of a request without the fields that may differ from page to page.
type binder struct {
	free []freeField
	skip func(protoreflect.FieldNumber) bool // says which are free; made once, as a digest asks for a func
}

// freeField is a field that may differ, or a message that holds some that may.
type freeField struct {
	field protoreflect.FieldDescriptor
	inner *binder // of the message; nil where the whole field may differ
}

func newBinder(paths ...path) *binder {
	b := new(binder)
	b.skip = func(n protoreflect.FieldNumber) bool {
		return slices.ContainsFunc(b.free, func(f freeField) bool { return f.field.Number() == n })
	}
	for _, p := range paths {
		if len(p) > 0 {
			b.leave(p)
		}
	}
	return b
}

// leave takes the field at the end of a path out of the digest.
func (b *binder) leave(p path) {
	i := slices.IndexFunc(b.free, func(f freeField) bool { return f.field == p[0] })
	if i < 0 {
		i = len(b.free)
		b.free = append(b.free, freeField{p[0], newBinder()})
	}
	switch {
	case len(p) == 1:
		b.free[i].inner = nil
	case b.free[i].inner != nil:
		b.free[i].inner.leave(p[1:])
	}
}

// sum returns the digest of m. A message that pages from within counts as empty where it is not set.
func (b *binder) sum(m protoreflect.Message) (seal.Binding, error) {
	sum, err := digest.Of(m.Interface(), b.skip)
	for _, f := range b.free {
		if err != nil || f.inner == nil {
			continue
		}
		var inner seal.Binding
		if inner, err = f.inner.sum(m.Get(f.field).Message()); err == nil {
			sum = sha256.Sum256(slices.Concat(sum[:], inner[:]))
		}
	}
	return sum, err
}

// bind adds texts to a digest.
func bind(sum seal.Binding, texts []string) seal.Binding {
	if len(texts) == 0 {
		return sum
	}
	all := slices.Clone(sum[:])
	for _, text := range texts {
		all = binary.AppendUvarint(all, uint64(len(text)))
		all = append(all, text...)
	}
	return sha256.Sum256(all)
}
