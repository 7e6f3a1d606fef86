package upload

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what a proto declares; it finds accidents, not attackers
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newHash returns the hash whose sums have a number of bytes, or nil.
func newHash(size int) hash.Hash {
	switch size {
	case crc32.Size:
		return crc32.New(castagnoli)
	case md5.Size:
		return md5.New()
	case sha256.Size:
		return sha256.New()
	}
	return nil
}

// sumIn returns the checksum that a field holds, big-endian; false if it holds none, or something
// else.
func sumIn(p fieldpath.Path, m protoreflect.Message) (sum []byte, ok bool) {
	value := p.Get(m)
	switch kind := p.Last().Kind(); {
	case kind == protoreflect.BytesKind:
		sum = bytes.Clone(value.Bytes())
	case kind == protoreflect.StringKind:
		var err error
		if sum, err = hex.DecodeString(value.String()); err != nil {
			return nil, false
		}
	case isSigned(kind):
		sum = binary.BigEndian.AppendUint32(nil, uint32(value.Int()))
	default:
		sum = binary.BigEndian.AppendUint32(nil, uint32(value.Uint()))
	}
	return sum, newHash(len(sum)) != nil
}

// setSum sets a checksum, of the type of the field.
func setSum(p fieldpath.Path, m protoreflect.Message, sum []byte) {
	switch kind := p.Last().Kind(); {
	case kind == protoreflect.BytesKind:
		p.Set(m, protoreflect.ValueOfBytes(sum))
	case kind == protoreflect.StringKind:
		p.Set(m, protoreflect.ValueOfString(hex.EncodeToString(sum)))
	case isSigned(kind):
		p.Set(m, protoreflect.ValueOfInt32(int32(binary.BigEndian.Uint32(sum))))
	default:
		p.Set(m, protoreflect.ValueOfUint32(binary.BigEndian.Uint32(sum)))
	}
}

// hashOf returns the hash for a field by its type and name, for a checksum that is not known yet.
func hashOf(p fieldpath.Path) hash.Hash {
	name := strings.ToLower(string(p.Last().Name()))
	switch {
	case is32(p.Last().Kind()), strings.Contains(name, "crc"):
		return newHash(crc32.Size)
	case strings.Contains(name, "md5"):
		return newHash(md5.Size)
	}
	return newHash(sha256.Size)
}
