package digest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// MaxSize is the maximum size of a message with a digest, in bytes, as counted by proto.Size.
const MaxSize = 16 << 20

// Of returns the digest of the whole msg; see [Digester.Of].
func Of(ctx context.Context, msg proto.Message) ([Size]byte, error) {
	return digest(ctx, msg, nil)
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
	for _, l := range d.omitted {
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
