package digest

import (
	"crypto/sha256"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// Digester computes digests of messages without some of their fields. The zero Digester includes
// all fields. It is safe for concurrent use.
type Digester struct{ omitted []omission }

// omission is an excluded field, or a message with excluded fields.
type omission struct {
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
			d.omit(path)
		}
	}
	return d
}

// omit excludes the field at the end of a path.
func (d *Digester) omit(path []protoreflect.FieldDescriptor) {
	i := slices.IndexFunc(d.omitted, func(l omission) bool { return l.field == path[0] })
	if i < 0 {
		i = len(d.omitted)
		d.omitted = append(d.omitted, omission{path[0], new(Digester)})
	}
	switch {
	case len(path) == 1:
		d.omitted[i].inner = nil
	case d.omitted[i].inner != nil:
		d.omitted[i].inner.omit(path[1:])
	}
}

// skips reports whether a field is excluded from the digest of the message itself.
func (d *Digester) skips(num protoreflect.FieldNumber) bool {
	for _, l := range d.omitted {
		if l.field.Number() == num {
			return true
		}
	}
	return false
}
