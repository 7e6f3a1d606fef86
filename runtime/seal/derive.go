package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// idSize is the length of a key's ID in bytes. If two keys of a ring have the same ID, both are
// tried.
const idSize = 2

// key holds what is derived from a secret: a key for authentication, another for encryption, and
// an ID that distinguishes the keys of a ring and reveals nothing of the secret.
type key struct {
	id    [idSize]byte
	block cipher.Block
	macs  sync.Pool // of *mac
}

// mac is an HMAC and the buffer for sealing and opening.
type mac struct {
	hash.Hash
	buf             []byte
	counter, stream [aes.BlockSize]byte
}

func newKey(secret []byte) (*key, error) {
	k := new(key)
	var derived [3][]byte
	for i, purpose := range []string{"authenticate", "encrypt", "name"} {
		var err error
		if derived[i], err = hkdf.Key(sha256.New, secret, nil, "grpcservice token 1: "+purpose, sha256.Size); err != nil {
			return nil, err
		}
	}
	block, err := aes.NewCipher(derived[1])
	if err != nil {
		return nil, err
	}
	k.block = block
	copy(k.id[:], derived[2])
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, derived[0])} }
	return k, nil
}

// borrow returns a mac to use and give back.
func (k *key) borrow() *mac {
	m := k.macs.Get().(*mac)
	m.Reset()
	m.buf = m.buf[:0]
	return m
}

// maxKept is the maximum size in bytes of a buffer that is kept for the next token.
const maxKept = 4 << 10

func (k *key) giveBack(m *mac) {
	if cap(m.buf) <= maxKept {
		k.macs.Put(m)
	}
}
