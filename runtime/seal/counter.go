package seal

import (
	"crypto/cipher"
	"crypto/subtle"
)

// crypt encrypts or decrypts in place, in counter mode like cipher.NewCTR, which would allocate
// half a kilobyte for typically two blocks.
func (m *mac) crypt(block cipher.Block, sealed, tag []byte) {
	copy(m.counter[:], tag)
	for len(sealed) > 0 {
		block.Encrypt(m.stream[:], m.counter[:])
		sealed = sealed[subtle.XORBytes(sealed, sealed, m.stream[:]):]
		for i := len(m.counter) - 1; i >= 0; i-- {
			if m.counter[i]++; m.counter[i] != 0 {
				break
			}
		}
	}
}
