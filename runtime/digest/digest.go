package digest

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// Of returns the digest of msg: SHA-256 of its fields without those of the top level that skip names; a nil skip names none.
// Fields that are not set, or that have the default where the proto does not tell the two apart, do not count.
//
// The error is that of proto.Marshal, such as for a text that is not UTF-8; messages that came over the network have none.
func Of(msg proto.Message, skip func(protoreflect.FieldNumber) bool) ([Size]byte, error) {
	options := proto.MarshalOptions{AllowPartial: true}
	size := options.Size(msg)
	wire, err := options.MarshalAppend(make([]byte, 0, 2*size), msg)
	if err != nil {
		return [Size]byte{}, fmt.Errorf("digest of %s: %w", msg.ProtoReflect().Descriptor().FullName(), err)
	}
	w := writer{out: wire[len(wire):], skip: skip} // as long at most, so that one buffer does for both
	if !w.message(wire, msg.ProtoReflect().Descriptor(), 0) {
		w.out = append(w.out, wire...) // what proto.Marshal wrote can be read; this is for messages that write themselves
	}
	return sha256.Sum256(w.out), nil
}
