package digest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// MaxSize is the size of the largest message that has a digest, in bytes, as proto.Size counts them.
const MaxSize = 16 << 20

// Of returns the digest of all of msg; see [Digester.Of].
func Of(ctx context.Context, msg proto.Message) ([Size]byte, error) {
	return digest(ctx, msg, nil)
}

// Digester makes digests of messages without some of their fields. The zero Digester leaves no field out. It is safe for
// concurrent use.
type Digester struct{ left []leftOut }

// leftOut is a field that is left out, or a message that holds some that are.
type leftOut struct {
	field protoreflect.FieldDescriptor
	inner *Digester // of the message; nil where the whole field is left out
}

// Without returns a Digester that leaves out the fields at the ends of paths. All but the last field of a path are singular
// messages, and an empty path leaves nothing out. A message that holds a field that is left out counts as empty where it is
// not set.
func Without[Path ~[]protoreflect.FieldDescriptor](paths ...Path) *Digester {
	d := new(Digester)
	for _, path := range paths {
		if len(path) > 0 {
			d.leave(path)
		}
	}
	return d
}

// leave leaves out the field at the end of a path.
func (d *Digester) leave(path []protoreflect.FieldDescriptor) {
	i := slices.IndexFunc(d.left, func(l leftOut) bool { return l.field == path[0] })
	if i < 0 {
		i = len(d.left)
		d.left = append(d.left, leftOut{path[0], new(Digester)})
	}
	switch {
	case len(path) == 1:
		d.left[i].inner = nil
	case d.left[i].inner != nil:
		d.left[i].inner.leave(path[1:])
	}
}

// skips reports whether the field with a number is no part of the digest of the message itself.
func (d *Digester) skips(num protoreflect.FieldNumber) bool {
	for _, l := range d.left {
		if l.field.Number() == num {
			return true
		}
	}
	return false
}

// Of returns the digest of msg: SHA-256 of its fields without those that d leaves out. Fields that are not set, or that have
// the default where the proto does not tell the two apart, do not count.
//
// It takes time and memory in proportion to the size of msg. The error is for the caller of a method: the error of ctx once ctx
// is done, RESOURCE_EXHAUSTED with the reason [rpcerr.ReasonRequestTooLarge] for a message larger than [MaxSize], and
// INTERNAL for one that proto.Marshal rejects, such as for a text that is not UTF-8; messages that came over the network are
// not rejected.
func (d *Digester) Of(ctx context.Context, msg proto.Message) ([Size]byte, error) {
	sum, err := digest(ctx, msg, d)
	for _, l := range d.left {
		if err != nil || l.inner == nil {
			continue
		}
		var inner [Size]byte
		if inner, err = l.inner.Of(ctx, msg.ProtoReflect().Get(l.field).Message().Interface()); err == nil {
			sum = sha256.Sum256(slices.Concat(sum[:], inner[:]))
		}
	}
	return sum, err
}

// digest returns the digest of msg without the fields that skip skips, which may be nil.
func digest(ctx context.Context, msg proto.Message, skip *Digester) (sum [Size]byte, err error) {
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	desc := msg.ProtoReflect().Descriptor()
	options := proto.MarshalOptions{AllowPartial: true}
	size := options.Size(msg)
	if size > MaxSize {
		return sum, tooLarge(size)
	}
	// One buffer holds the message as it is on the wire, and behind it what is not hashed yet.
	wire, err := options.MarshalAppend(make([]byte, 0, size+min(size, maxPending)), msg)
	if err != nil {
		return sum, rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
			WithCause(fmt.Errorf("digest of %s: %w", desc.FullName(), err))
	}
	w := writer{ctx: ctx, skip: skip, pending: wire[len(wire):]}
	if len(wire) > size { // of a message that writes itself, and takes more room than it said
		w.pending = make([]byte, 0, maxPending)
	}
	if !w.message(wire, desc, 0) {
		w.write(wire) // what proto.Marshal wrote can be read; this is for messages that write themselves
	}
	return w.sum(), w.err
}

func tooLarge(size int) error {
	return rpcerr.ReasonRequestTooLarge.Errorf(codes.ResourceExhausted,
		"the request has %d bytes; a method that compares requests accepts %d", size, MaxSize)
}
