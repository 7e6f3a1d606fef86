package jwtauth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"unsafe"
)

// digest identifies the signature of a token in the cache, which does not have the signature.
type digest [sha256.Size]byte

// hasher computes digests: GMAC with a random key that never leaves the process. Two different
// signatures have the same digest with a probability of 2^-116 at most, even if an attacker chose
// them, because GHASH with a secret key is a universal hash; a digest never leaves the process, so
// one nonce serves for all. It takes a third of the time of SHA-256, which alone would exceed the
// 300 ns that a cached token may take. SHA-256 is used where GCM with chosen nonces is not
// available (GODEBUG=fips140=only).
type hasher struct {
	gcm     cipher.AEAD // nil for SHA-256
	buffers sync.Pool   // *[16]byte: Seal makes its destination escape
}

func newHasher() *hasher {
	h := &hasher{buffers: sync.Pool{New: func() any { return new([16]byte) }}}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails
	if block, err := aes.NewCipher(secret); err == nil {
		h.gcm, _ = cipher.NewGCM(block)
	}
	return h
}

var nonce = make([]byte, 12)

// sum returns the digest of a signature.
func (h *hasher) sum(signature string) (sum digest) {
	content := unsafe.Slice(unsafe.StringData(signature), len(signature)) // is not modified
	if h.gcm == nil {
		return sha256.Sum256(content)
	}
	buffer := h.buffers.Get().(*[16]byte)
	copy(sum[:], h.gcm.Seal(buffer[:0], nonce, nil, content))
	h.buffers.Put(buffer)
	return sum
}
