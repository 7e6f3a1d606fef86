package seal

import (
	"crypto/cipher"
	"crypto/subtle"
)

// crypt encrypts what is sealed in its place, or decrypts it: in counter mode, as cipher.NewCTR does, which allocates half a
// kilobyte for what is mostly two blocks.
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
