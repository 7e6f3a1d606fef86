package page

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// bind adds texts to the digest of a request.
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
