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

// MaxSize is the maximum size of a message with a digest, in bytes, as counted by proto.Size.
const MaxSize = 16 << 20

// Of returns the digest of the whole msg; see [Digester.Of].
func Of(ctx context.Context, msg proto.Message) ([Size]byte, error) {
	return digest(ctx, msg, nil)
}

// Digester computes digests of messages without some of their fields. The zero Digester includes
// all fields. It is safe for concurrent use.
type Digester struct{ left []leftOut }

// leftOut is an excluded field, or a message with excluded fields.
type leftOut struct {
	field protoreflect.FieldDescriptor
	inner *Digester // of the message; nil if the whole field is excluded
}

// Without returns a Digester that excludes the fields at the ends of paths. All but the last
// field of a path are singular messages; an empty path excludes nothing. An unset message with
// excluded fields counts as empty.
func Without[Path ~[]protoreflect.FieldDescriptor](paths ...Path) *Digester {
	d := new(Digester)
	for _, path := range paths {
		if len(path) > 0 {
			d.leave(path)
		}
	}
	return d
}

// leave excludes the field at the end of a path.
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

// skips reports whether a field is excluded from the digest of the message itself.
func (d *Digester) skips(num protoreflect.FieldNumber) bool {
	for _, l := range d.left {
		if l.field.Number() == num {
			return true
		}
	}
	return false
}

// Of returns the digest of msg: SHA-256 of its fields without those that d excludes. Unset fields
// do not count, and neither do fields without presence that have their default value.
//
// Time and memory are proportional to the size of msg. The error is for the caller of a method:
// the error of ctx if ctx is done; RESOURCE_EXHAUSTED, reason [rpcerr.ReasonRequestTooLarge], if
// the message is larger than [MaxSize]; INTERNAL if proto.Marshal rejects the message, for
// example because a string is not UTF-8, which cannot happen for received messages.
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

// digest returns the digest of msg without the fields that skip excludes; skip may be nil.
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
	// One buffer holds the encoded message and, after it, the bytes that are not hashed yet.
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
